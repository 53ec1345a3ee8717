#include "worker/train/commits/run_checkpoints.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <optional>
#include <utility>

#include "base/format.h"
#include "base/log.h"
#include "checkpoint/keep.h"
#include "worker/train/commits/same_run.h"

namespace tagalign::jobs {
namespace {

Result<checkpoint::HeldViews> hold(const RunState& state) {
  TA_ASSIGN_OR_RETURN(auto held, checkpoint::hold_views(state.tensors));
  for (const auto& [name, part] : state.parts)
    TA_RETURN_IF_ERROR(checkpoint::add_part(held, name, part.shape, part.begin, part.elements));
  return held;
}

}  // namespace

/// The loop stands still for the commit under way as long as this lives.
class RunCheckpoints::StandingStill {
 public:
  explicit StandingStill(Pending& pending) : pending_(pending) {}
  StandingStill(const StandingStill&) = delete;
  StandingStill& operator=(const StandingStill&) = delete;
  ~StandingStill() { pending_.stood_still_ms += system_clock().monotonic_ms() - since_ms_; }

 private:
  Pending& pending_;
  const MonotonicMs since_ms_ = system_clock().monotonic_ms();
};

RunCheckpoints::RunCheckpoints(Rank& rank, RunCheckpointOptions options)
    : rank_(rank), options_(std::move(options)) {}

RunCheckpoints::~RunCheckpoints() {
  collect_aftermath();
}

Result<checkpoint::Newest> RunCheckpoints::open() {
  TA_RETURN_IF_ERROR(rank_.first_decides([&] { return rank_.files.create_directories(folder()); }));
  TA_RETURN_IF_ERROR(take_lease());
  auto newest = checkpoint::load_newest(rank_.files, folder(), {.parts = options_.needed});
  TA_RETURN_IF_ERROR(agree_on(newest));
  TA_RETURN_IF_ERROR(rank_.first_decides([&] { return judge_skipped(*newest); }));
  TA_RETURN_IF_ERROR(rank_.first_decides([&] { return report_existing(); }));
  if (newest->found) TA_RETURN_IF_ERROR(check_same_run(newest->manifest.position));
  return newest;
}

Result<checkpoint::Newest> RunCheckpoints::newest() {
  auto newest = checkpoint::load_newest(rank_.files, folder(), {.parts = options_.needed});
  TA_RETURN_IF_ERROR(agree_on(newest));
  return newest;
}

Status RunCheckpoints::take_lease() {
  const RankIdentity identity = rank_.reporter.identity();
  lease_ = {identity.coordinator, identity.job.value, identity.attempt.value};
  // Of a run without a coordinator only the first rank learns the attempt: from the folder.
  TA_ASSIGN_OR_RETURN(lease_.attempt, rank_.first_decides([&]() -> Result<std::uint32_t> {
    TA_ASSIGN_OR_RETURN(const auto taken, checkpoint::take_lease(rank_.files, folder(), lease_));
    return taken.attempt;
  }));
  saver_ = std::make_unique<checkpoint::Saver>(
      rank_.files, checkpoint::SaveOptions{.folder = folder(), .lease = lease_}, rank_.group.rank(),
      rank_.group.size());
  return ok_status();
}

/// Ranks that see different newest checkpoints (a slow file system) must not go on together, nor
/// wait for one that cannot read them.
Status RunCheckpoints::agree_on(const Result<checkpoint::Newest>& newest) {
  std::string mine = "none";
  if (newest.ok() && newest->found) mine = newest->manifest.digest;
  if (!newest.ok()) mine = "an error";
  TA_ASSIGN_OR_RETURN(const auto seen, rank_.group.all_gather_strings(mine));
  if (!newest.ok()) return newest.status();
  const auto other =
      std::find_if(seen.begin(), seen.end(), [&](const auto& digest) { return digest != seen[0]; });
  if (other == seen.end()) return ok_status();
  return unavailable(
      format("resume from {}: rank {} sees another newest checkpoint than rank 0 ({} and {}); is "
             "it one shared folder?",
             folder().string(), other - seen.begin(), *other, seen[0]));
}

/// A folder of which nothing is left is no new run: it would write over what may still be mended.
Status RunCheckpoints::judge_skipped(const checkpoint::Newest& newest) {
  const bool refuses = options_.checkpoint.strict || !newest.found;
  std::string all;
  for (const auto& [path, reason] : newest.skipped) {
    all += format("\n{}: {}", path.string(), reason.message());
    if (refuses) continue;
    rank_.reporter.notice(
        format("{} is damaged and was skipped: {}", path.string(), reason.message()));
  }
  if (!refuses || newest.skipped.empty()) return ok_status();
  if (newest.found)
    return invalid_argument(
        format("resume from {}: what is newer than step {} cannot be read, and checkpoint.strict "
               "skips nothing; mend it, move it away, or set checkpoint.strict=false:{}",
               folder().string(), newest.manifest.position.step, all));
  return invalid_argument(
      format("resume from {}: none of its {} checkpoints can be read, and no training starts over "
             "them; mend one, or begin anew with another checkpoint.directory or after moving them "
             "away:{}",
             folder().string(), newest.skipped.size(), all));
}

/// Every checkpoint that exists is said again: the report of the newest may have been
/// lost with its writer.
Status RunCheckpoints::report_existing() {
  TA_ASSIGN_OR_RETURN(const auto manifests, checkpoint::list(rank_.files, folder()));
  for (const auto& manifest : manifests) report(manifest);
  return ok_status();
}

void RunCheckpoints::report(const checkpoint::Manifest& manifest, const wire::Pace& pace) {
  const wire::CheckpointInfo checkpoint{.step = manifest.position.step,
                                        .path = std::filesystem::absolute(manifest.folder).string(),
                                        .digest = manifest.digest,
                                        .scheduled = manifest.position.scheduled};
  const auto status = rank_.reporter.checkpoint(checkpoint, pace);
  if (status.ok()) return;
  // The checkpoint exists whether or not somebody heard of it: the run goes on.
  log_warning("checkpoint of step {} could not be reported: {}", checkpoint.step,
              status.to_string());
  unheard_.push_back(checkpoint);
}

Status RunCheckpoints::report_unheard() {
  for (const auto& checkpoint : std::exchange(unheard_, {}))
    TA_RETURN_IF_ERROR(rank_.reporter.checkpoint(checkpoint));
  return ok_status();
}

Status RunCheckpoints::check_same_run(const checkpoint::RunPosition& found) {
  TA_ASSIGN_OR_RETURN(const AllowedChanges changes, compare_runs(options_.run, found, folder()));
  if (!rank_.is_first()) return ok_status();
  if (!changes.told.empty()) {
    rank_.reporter.notice(format("{}: going on from step {} with other settings: {}",
                                 options_.label, found.step, changes.told));
  }
  if (!changes.silent.empty()) log_info("{}: going on with {}", options_.label, changes.silent);
  return ok_status();
}

checkpoint::RunPosition RunCheckpoints::position(const RunState& state, bool scheduled) const {
  checkpoint::RunPosition position = options_.run;
  position.step = state.step;
  position.samples = state.samples;
  position.scalars = state.scalars;
  position.scheduled = scheduled;
  return position;
}

checkpoint::AllGather RunCheckpoints::all_gather() {
  return [this](const std::string& mine) { return rank_.group.all_gather_strings(mine); };
}

Status RunCheckpoints::expect(const RunState& state) {
  TA_ASSIGN_OR_RETURN(const auto held, hold(state));
  saver_->expect(held.views);
  return ok_status();
}

Status RunCheckpoints::begin(const RunState& state, bool scheduled, const wire::Pace& pace) {
  TA_RETURN_IF_ERROR(finish_saver());
  pending_ = {.pace = pace, .begun_ms = system_clock().monotonic_ms(), .stood_still_ms = 0};
  const StandingStill still(pending_);
  collect_aftermath();  // it and a new save would clear away the same leftovers
  TA_ASSIGN_OR_RETURN(held_, hold(state));
  // What it refuses all ranks learn where they next meet; then it is idle.
  (void)saver_->begin(held_.views, position(state, scheduled));
  return ok_status();
}

Status RunCheckpoints::settle() {
  if (held_.tensors.empty()) return ok_status();
  const StandingStill still(pending_);
  saver_->settle();
  const auto held = std::exchange(held_, {});
  return checkpoint::check_unchanged(held);
}

bool RunCheckpoints::ready() const {
  return saver_->ready();
}

Status RunCheckpoints::go_on() {
  TA_RETURN_IF_ERROR(settle());
  std::optional<checkpoint::Manifest> manifest;
  {
    const StandingStill still(pending_);
    TA_ASSIGN_OR_RETURN(manifest, saver_->meet(all_gather()));
  }
  if (manifest) committed(*manifest);
  return ok_status();
}

Status RunCheckpoints::finish_saver() {
  if (saver_->idle()) return ok_status();
  TA_RETURN_IF_ERROR(settle());
  std::optional<checkpoint::Manifest> manifest;
  {
    const StandingStill still(pending_);
    TA_ASSIGN_OR_RETURN(manifest, saver_->finish(all_gather()));
  }
  if (manifest) committed(*manifest);
  return ok_status();
}

/// What the loop did not wait for goes into the time of a step: whoever asks the run to leave waits
/// for a step and a save, and then nothing goes on behind the steps.
void RunCheckpoints::committed(const checkpoint::Manifest& manifest) {
  if (!rank_.is_first()) return;
  collect_aftermath();
  wire::Pace pace = pending_.pace;
  const std::int64_t took_ms = system_clock().monotonic_ms() - pending_.begun_ms;
  pace.save_ms = std::max<std::int64_t>(1, pending_.stood_still_ms);
  pace.step_ms += std::max<std::int64_t>(0, took_ms - pace.save_ms);
  log_info("{}: checkpoint of step {} committed", options_.label, manifest.position.step);
  aftermath_ = std::async(std::launch::async | std::launch::deferred, [this, manifest, pace] {
    report(manifest, pace);
    return checkpoint::retain(
        rank_.files, folder(),
        {.last = options_.checkpoint.keep_last, .every = options_.checkpoint.keep_every});
  });
}

void RunCheckpoints::collect_aftermath() {
  if (!aftermath_.valid()) return;
  const Status status = aftermath_.get();
  if (after_.ok()) after_ = status;
}

bool RunCheckpoints::in_trouble() {
  const bool ended = aftermath_.valid() &&
                     aftermath_.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
  if (ended) collect_aftermath();
  return !after_.ok();
}

Status RunCheckpoints::finish() {
  TA_RETURN_IF_ERROR(finish_saver());
  collect_aftermath();
  return rank_.first_decides([&] { return after_; });
}

}  // namespace tagalign::jobs
