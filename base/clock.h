/// Time as a value that is handed in, so that whatever decides by time can
/// be tested without waiting.
#pragma once

#include <cstdint>
#include <string>

namespace tagalign {

/// Milliseconds since the Unix epoch. Wall time: it can step; durations
/// are measured with monotonic_ms().
using UnixMs = std::int64_t;
/// Milliseconds on a clock that never steps back; only differences mean anything.
using MonotonicMs = std::int64_t;

class Clock {
 public:
  virtual ~Clock() = default;
  virtual UnixMs unix_ms() = 0;
  virtual MonotonicMs monotonic_ms() = 0;
  virtual void sleep_ms(std::int64_t duration_ms) = 0;
};

/// The machine's clocks. One object for the process; safe from any thread.
Clock& system_clock();

/// Stands still until told otherwise; sleep_ms() advances it. For one thread.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(UnixMs start_ms = 1'700'000'000'000) : now_ms_(start_ms) {}
  UnixMs unix_ms() override { return now_ms_; }
  MonotonicMs monotonic_ms() override { return now_ms_; }
  void sleep_ms(std::int64_t duration_ms) override { now_ms_ += duration_ms; }
  void advance_ms(std::int64_t duration_ms) { now_ms_ += duration_ms; }

 private:
  UnixMs now_ms_;
};

/// "2026-03-01T12:30:05Z".
std::string format_utc(UnixMs time_ms);
/// "850 ms", "12.4 s", "3 min 20 s", "2 h 5 min".
std::string format_duration(std::int64_t duration_ms);

}  // namespace tagalign
