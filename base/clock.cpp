#include "base/clock.h"

#include <fmt/format.h>

#include <chrono>
#include <ctime>
#include <thread>

namespace tagalign {
namespace {

class SystemClock final : public Clock {
 public:
  UnixMs unix_ms() override { return milliseconds(std::chrono::system_clock::now()); }
  MonotonicMs monotonic_ms() override { return milliseconds(std::chrono::steady_clock::now()); }
  void sleep_ms(std::int64_t duration_ms) override {
    std::this_thread::sleep_for(std::chrono::milliseconds(duration_ms));
  }

 private:
  template <class TimePoint>
  static std::int64_t milliseconds(TimePoint time) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
  }
};

}  // namespace

Clock& system_clock() {
  static SystemClock clock;
  return clock;
}

std::string format_utc(UnixMs time_ms) {
  const auto seconds = static_cast<std::time_t>(time_ms / 1000);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", parts.tm_year + 1900, parts.tm_mon + 1,
                     parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
}

std::string format_duration(std::int64_t duration_ms) {
  if (duration_ms < 1000) return fmt::format("{} ms", duration_ms);
  if (duration_ms < 60'000)
    return fmt::format("{:.1f} s", static_cast<double>(duration_ms) / 1000.0);
  const std::int64_t seconds = duration_ms / 1000;
  if (seconds < 3600) return fmt::format("{} min {} s", seconds / 60, seconds % 60);
  return fmt::format("{} h {} min", seconds / 3600, seconds / 60 % 60);
}

}  // namespace tagalign
