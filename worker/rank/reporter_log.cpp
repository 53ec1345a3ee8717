#include "base/exit_codes.h"
#include "base/log.h"
#include "worker/rank/reporter.h"
#include "worker/rank/reporter_signals_posix.h"

namespace tagalign::jobs {
namespace {

class LogReporter final : public Reporter {
 public:
  explicit LogReporter(int rank) { identity_.rank = rank; }

  void hello(const std::string&) override {}

  /// The job's own log says the same.
  void progress(std::uint64_t, std::uint64_t, const std::string&) override {}

  Status checkpoint(const wire::CheckpointInfo& checkpoint, const wire::Pace&) override {
    log_info("checkpoint of step {}: {}", checkpoint.step, checkpoint.path);
    return ok_status();
  }

  Status result(const wire::EvaluationResult& result) override {
    log_info("result: {} step {} on {}, {} images", result.method, result.step, result.dataset,
             result.images);
    return ok_status();
  }

  void notice(const std::string& text) override { log_warning("{}", text); }

  void farewell(int code, const std::string& reason) override {
    if (code == 0) {
      log_info("rank {} is done", identity_.rank);
    } else if (code == to_int(ExitCode::kRequeue)) {
      log_info("rank {} ends with exit code {}: {}", identity_.rank, code, reason);
    } else {
      log_error("rank {} ends with exit code {}: {}", identity_.rank, code, reason);
    }
  }

  std::optional<std::string> stop_requested() override { return stop_signal_received(); }
  RankIdentity identity() const override { return identity_; }

 private:
  RankIdentity identity_;
};

}  // namespace

std::unique_ptr<Reporter> make_log_reporter(int rank) {
  catch_stop_signals();
  return std::make_unique<LogReporter>(rank);
}

}  // namespace tagalign::jobs
