/// A Reporter that keeps what it was told; a stop can be asked for at a given step.
#pragma once

#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "worker/rank/reporter.h"

namespace tagalign::jobs {

class RecordingReporter final : public Reporter {
 public:
  /// Asks for a stop as soon as `step` has been reported as progress.
  void stop_at(std::uint64_t step) { stop_at_ = step; }
  /// As an agent whose disk is full: so many reports of checkpoints are not taken.
  void refuse_checkpoints(int count) { refusals_left_ = count; }

  void hello(const std::string& device) override { device_ = device; }
  void progress(std::uint64_t step, std::uint64_t, const std::string& activity) override {
    const std::scoped_lock lock(mutex_);
    last_step_ = step;
    activities.push_back(activity);
  }
  Status checkpoint(const wire::CheckpointInfo& checkpoint, const wire::Pace& pace) override {
    const std::scoped_lock lock(mutex_);
    if (refusals_left_ > 0) {
      --refusals_left_;
      return unavailable("the agent has not acknowledged it");
    }
    checkpoints.push_back(checkpoint);
    paces.push_back(pace);
    return ok_status();
  }
  Status result(const wire::EvaluationResult& result) override {
    const std::scoped_lock lock(mutex_);
    results.push_back(result);
    return ok_status();
  }
  void notice(const std::string& text) override {
    const std::scoped_lock lock(mutex_);
    notices.push_back(text);
  }
  void farewell(int, const std::string&) override {}
  std::optional<std::string> stop_requested() override {
    const std::scoped_lock lock(mutex_);
    if (stop_at_ && last_step_ >= *stop_at_) return "the test asked for it";
    return std::nullopt;
  }
  RankIdentity identity() const override { return identity_; }
  void set_identity(const RankIdentity& identity) { identity_ = identity; }

  std::vector<std::string> activities;
  std::vector<wire::CheckpointInfo> checkpoints;
  std::vector<wire::Pace> paces;  ///< one for each checkpoint
  std::vector<wire::EvaluationResult> results;
  std::vector<std::string> notices;

 private:
  std::mutex mutex_;
  RankIdentity identity_;
  std::string device_;
  std::uint64_t last_step_ = 0;
  std::optional<std::uint64_t> stop_at_;
  int refusals_left_ = 0;
};

}  // namespace tagalign::jobs
