/// What a rank says when its job failed: the code that it ends with and the reason. Pure.
#pragma once

#include <string>

#include "base/exit_codes.h"
#include "base/status.h"

namespace tagalign::jobs {

/// kPlaceFailed for what a place brings about, such as a full disk; kDoNotRequeue for what would come
/// again; kPeerLost for the loss of another rank.
ExitCode code_of(const Status& failure);

/// The message, and of a trouble of the place what to do: the job goes on by itself.
std::string reason_of(const Status& failure);

}  // namespace tagalign::jobs
