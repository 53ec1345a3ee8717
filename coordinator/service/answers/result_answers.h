/// Results, live and archived: counts of archived ones are read from the store and compared with the
/// digest that the state has kept.
#pragma once

#include <string>

#include "coordinator/service/answers/answers.h"

namespace tagalign::service {

/// Of the newest workflow of that name, or of the workflow of that job; empty: of all.
wire::ClientReply results_reply(const AnswerContext& context, const std::string& name);

}  // namespace tagalign::service
