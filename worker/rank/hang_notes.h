/// What a rank writes down about itself when its gang is taken for hung.
#pragma once

#include <string>

#include "base/clock.h"
#include "worker/rank/activity.h"

namespace tagalign::jobs {

/// Phase, the last collectives with their numbers and how long ago they were, and `reading`.
std::string activity_text(const Activity& activity, const std::string& reading, MonotonicMs now_ms);

}  // namespace tagalign::jobs
