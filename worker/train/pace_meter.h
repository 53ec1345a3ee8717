/// How long the process needed to its first step, and its steps since: what the coordinator plans with
/// where an allocation ends. Header only; one thread.
#pragma once

#include <algorithm>

#include "base/clock.h"
#include "base/process.h"
#include "worker/rank/reporter.h"

namespace tagalign::jobs {

class PaceMeter {
 public:
  PaceMeter(Clock& clock, std::uint64_t steps_total)
      : clock_(clock), last_ms_(clock.monotonic_ms()), pace_{.steps_total = steps_total} {}

  /// A step is done; the first one ends the start of the process.
  void step_done() {
    const MonotonicMs now_ms = clock_.monotonic_ms();
    if (pace_.start_ms == 0) {
      pace_.start_ms = std::max<std::int64_t>(1, process_age_ms().value_or(1));
    } else {
      pace_.step_ms = std::max(pace_.step_ms, now_ms - last_ms_);
    }
    last_ms_ = now_ms;
  }

  /// Without the commit, which RunCheckpoints measures.
  const wire::Pace& pace() const { return pace_; }
  /// The state was taken: the longest step is looked for anew.
  void commit_begun() {
    pace_.step_ms = 0;
    stood_still();
  }
  /// The next step begins now.
  void stood_still() { last_ms_ = clock_.monotonic_ms(); }

 private:
  Clock& clock_;
  MonotonicMs last_ms_;
  wire::Pace pace_;
};

}  // namespace tagalign::jobs
