#include "worker/train/run_checkpoints.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "base/clock.h"
#include "base/format.h"
#include "base/log.h"
#include "checkpoint/tensor_adapter.h"
#include "worker/identity/config_identity.h"

namespace tagalign::jobs {

RunCheckpoints::RunCheckpoints(Rank& rank, RunCheckpointOptions options)
    : rank_(rank), options_(std::move(options)) {}

Result<checkpoint::Newest> RunCheckpoints::open() {
  TA_RETURN_IF_ERROR(rank_.first_decides([&] { return rank_.files.create_directories(folder()); }));
  TA_RETURN_IF_ERROR(take_lease());
  auto newest = checkpoint::load_newest(rank_.files, folder());
  TA_RETURN_IF_ERROR(agree_on(newest));
  TA_RETURN_IF_ERROR(rank_.first_decides([&] { return judge_skipped(*newest); }));
  TA_RETURN_IF_ERROR(rank_.first_decides([&] { return report_existing(); }));
  if (newest->found) TA_RETURN_IF_ERROR(check_same_run(newest->manifest.position));
  return newest;
}

Result<checkpoint::Newest> RunCheckpoints::newest() {
  auto newest = checkpoint::load_newest(rank_.files, folder());
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
  std::string all;
  for (const auto& [path, reason] : newest.skipped) {
    all += format("\n{}: {}", path.string(), reason.message());
    if (!newest.found) continue;
    rank_.reporter.notice(
        format("{} is damaged and was skipped: {}", path.string(), reason.message()));
  }
  if (newest.found || newest.skipped.empty()) return ok_status();
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

Status RunCheckpoints::check_same_run(const checkpoint::RunPosition& found) const {
  const auto refuse = [&](const char* what, const std::string& difference) {
    return invalid_argument(
        format("resume from {}: the checkpoint of step {} was made with another {} ({}); "
               "use another checkpoint.directory, or go back to the earlier configuration",
               folder().string(), found.step, what, difference));
  };
  const auto differs = [&](const char* what, const std::string& ours, const std::string& theirs) {
    return refuse(what, format("expected {}, found {}", ours, theirs));
  };
  const checkpoint::RunPosition& run = options_.run;
  if (found.config_digest != run.config_digest) {
    const std::string settings = differences(run.settings, found.settings);
    return settings.empty() ? differs("configuration", run.config_digest, found.config_digest)
                            : refuse("configuration", settings);
  }
  if (found.dataset_digest != run.dataset_digest)
    return differs("data set", run.dataset_digest, found.dataset_digest);
  if (found.model_digest != run.model_digest)
    return differs("frozen model", run.model_digest, found.model_digest);
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

Status RunCheckpoints::save(const RunState& state, bool scheduled, wire::Pace pace) {
  const MonotonicMs begin_ms = system_clock().monotonic_ms();
  TA_ASSIGN_OR_RETURN(const auto held, checkpoint::hold_views(state.tensors));
  const checkpoint::Coordination coordination{.rank = rank_.group.rank(),
                                              .world = rank_.group.size(),
                                              .all_gather = [this](const std::string& mine) {
                                                return rank_.group.all_gather_strings(mine);
                                              }};
  TA_ASSIGN_OR_RETURN(
      const auto manifest,
      checkpoint::save(rank_.files, coordination, {.folder = folder(), .lease = lease_}, held.views,
                       position(state, scheduled)));
  return rank_.first_decides([&] {
    pace.save_ms = system_clock().monotonic_ms() - begin_ms;
    report(manifest, pace);
    log_info("{}: checkpoint of step {} committed", options_.label, state.step);
    return checkpoint::retain(rank_.files, folder(), options_.checkpoint.keep_last);
  });
}

}  // namespace tagalign::jobs
