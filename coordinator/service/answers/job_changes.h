/// What a JobsChangeRequest did, in words.
#pragma once

#include "coordinator/service/answers/answers.h"

namespace tagalign::service {

/// kInvalidArgument for what makes no sense of any job: no selector, a priority out of range.
Status check(const wire::JobsChangeRequest& request);

/// After it was carried out; its selectors are numbers of jobs by now.
wire::JobsChangeReply changes(const core::State& state, const wire::JobsChangeRequest& request);

}  // namespace tagalign::service
