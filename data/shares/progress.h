/// How far a long piece of work is, told from whichever thread does it.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>

#include "base/clock.h"

namespace tagalign::data {

struct Progress {
  std::uint64_t done = 0;
  std::uint64_t total = 0;
  double per_second = 0;                     ///< of what had to be done; 0 at the start
  std::optional<std::int64_t> remaining_ms;  ///< unknown at the start
};
/// Called once for each item, by one thread at a time.
using ProgressCallback = std::function<void(const Progress&)>;

/// Counts items and their rate. Safe from several threads; borrows clock and callback.
class ProgressMeter {
 public:
  ProgressMeter(Clock& clock, std::uint64_t total, const ProgressCallback& report)
      : clock_(clock), report_(report), total_(total), start_ms_(clock.monotonic_ms()) {}

  /// One more item. An item that was there already (`worked` false) does not count for the rate.
  void add(bool worked) { add_items(1, worked); }
  void add_items(std::uint64_t count, bool worked = true) {
    const std::lock_guard lock(mutex_);
    done_ += count;
    if (worked) worked_ += count;
    if (!report_) return;
    const auto elapsed_ms = static_cast<double>(clock_.monotonic_ms() - start_ms_);
    Progress progress{done_, total_, 0, std::nullopt};
    if (elapsed_ms > 0 && worked_ > 0) {
      progress.per_second = static_cast<double>(worked_) * 1000 / elapsed_ms;
      progress.remaining_ms = static_cast<std::int64_t>(static_cast<double>(total_ - done_) * 1000 /
                                                        progress.per_second);
    }
    report_(progress);
  }

 private:
  Clock& clock_;
  const ProgressCallback& report_;
  std::mutex mutex_;
  std::uint64_t total_;
  std::uint64_t done_ = 0;
  std::uint64_t worked_ = 0;
  MonotonicMs start_ms_;
};

}  // namespace tagalign::data
