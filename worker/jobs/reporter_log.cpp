#include <mutex>

#include "base/clock.h"
#include "base/format.h"
#include "base/log.h"
#include "worker/jobs/reporter.h"
#include "worker/jobs/reporter_signals_posix.h"

namespace tagalign::jobs {
namespace {

constexpr std::int64_t kProgressLineMs = 5'000;

class LogReporter final : public Reporter {
 public:
  explicit LogReporter(int rank) { identity_.rank = rank; }

  void hello(const std::string& device) override {
    log_info("rank {} on {}", identity_.rank, device);
  }

  void progress(std::uint64_t step, std::uint64_t steps_total,
                const std::string& activity) override {
    const std::scoped_lock lock(mutex_);
    const MonotonicMs now_ms = system_clock().monotonic_ms();
    const bool last = step == steps_total;
    if (!last && last_line_ms_ && now_ms - *last_line_ms_ < kProgressLineMs) return;
    last_line_ms_ = now_ms;
    log_info("step {}/{}  {}", step, steps_total, activity);
  }

  Status checkpoint(const protocol::CheckpointInfo& checkpoint) override {
    log_info("checkpoint of step {}: {}", checkpoint.step, checkpoint.path);
    return ok_status();
  }

  Status result(const protocol::EvaluationResult& result) override {
    log_info("result: {} step {} on {}, {} images", result.method, result.step, result.dataset,
             result.images);
    return ok_status();
  }

  void notice(const std::string& text) override { log_warning("{}", text); }

  void farewell(int code, const std::string& reason) override {
    if (code == 0) {
      log_info("rank {} is done", identity_.rank);
    } else {
      log_error("rank {} ends with exit code {}: {}", identity_.rank, code, reason);
    }
  }

  std::optional<std::string> stop_requested() override { return stop_signal_received(); }
  RankIdentity identity() const override { return identity_; }

 private:
  RankIdentity identity_;
  std::mutex mutex_;
  std::optional<MonotonicMs> last_line_ms_;
};

}  // namespace

std::unique_ptr<Reporter> make_log_reporter(int rank) {
  catch_stop_signals();
  return std::make_unique<LogReporter>(rank);
}

}  // namespace tagalign::jobs
