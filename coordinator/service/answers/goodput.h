/// Where the slots' time went, for clients. Pure.
#pragma once

#include <optional>

#include "coordinator/service/answers/answers.h"
#include "coordinator/wire/client_messages.h"

namespace tagalign::service {

wire::GoodputRow slot_time_of(const AnswerContext& context, const core::Job& job);
/// Of all jobs of a workflow, or of all together; its names are empty.
wire::GoodputRow slot_time_of(const AnswerContext& context, std::optional<WorkflowId> workflow);

/// An ErrorReply for a name that nothing has.
wire::ClientReply goodput(const AnswerContext& context, const wire::GoodputRequest& request);

}  // namespace tagalign::service
