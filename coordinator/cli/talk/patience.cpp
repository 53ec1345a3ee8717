#include "coordinator/cli/talk/patience.h"

#include "base/format.h"

namespace tagalign::cli {

Status Patience::bear(const Status& status) {
  if (status.code() != ErrorCode::kUnavailable) return status;
  const MonotonicMs now = clock_.monotonic_ms();
  if (!is_away_) {
    is_away_ = true;
    since_ms_ = now;
    say_("the coordinator does not answer; asking again (jobs run on without it)");
  }
  if (now - since_ms_ < kAwayMsMax) return ok_status();
  return status.with_context(
      format("the coordinator was away for {}", format_duration(now - since_ms_)));
}

void Patience::answered() {
  if (is_away_) say_("the coordinator answers again");
  is_away_ = false;
}

}  // namespace tagalign::cli
