#include "worker/jobs/trainer.h"

#include <ATen/core/grad_mode.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <set>
#include <sstream>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/format.h"
#include "base/log.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/tensor_adapter.h"
#include "model/optimizer.h"
#include "worker/jobs/gradients.h"
#include "worker/jobs/schedule.h"

namespace tagalign::jobs {
namespace {

data::LoaderOptions loader_options(const TrainerOptions& options, const Rank& rank,
                                   std::uint64_t first_sample) {
  const auto& a = options.augment;
  return {.seed = options.runtime.seed,
          .first_sample = first_sample,
          .global_batch = options.global_batch,
          .rank = rank.group.rank(),
          .world = rank.group.size(),
          .image_size = options.data.image_size,
          .threads = options.data.loader_threads,
          .prefetch_batches = options.data.prefetch_batches,
          .augment = {.scale_min = a.scale_min,
                      .scale_max = a.scale_max,
                      .ratio_min = a.ratio_min,
                      .ratio_max = a.ratio_max,
                      .flip = a.flip,
                      .rand_augment = a.rand_augment,
                      .erase = a.erase}};
}

/// One run of the loop; its members are the state of the run.
class Run {
 public:
  Run(Rank& rank, TrainingTask& task, const data::CaptionDataset& dataset,
      const TrainerOptions& options)
      : rank_(rank),
        task_(task),
        dataset_(dataset),
        options_(options),
        schedule_(schedule_of(options.optimizer, options.global_batch, options.steps)),
        optimizer_(task.parameters(), {.beta1 = options.optimizer.beta1,
                                       .beta2 = options.optimizer.beta2,
                                       .eps = options.optimizer.eps,
                                       .weight_decay = options.optimizer.weight_decay}) {}

  Result<JobEnd> run() {
    TA_RETURN_IF_ERROR(resume());
    TA_ASSIGN_OR_RETURN(loader_,
                        data::TrainingLoader::create(rank_.files, dataset_,
                                                     loader_options(options_, rank_, samples())));
    rate_started_ms_ = system_clock().monotonic_ms();
    rate_started_step_ = step_;
    while (step_ < options_.steps) {
      TA_RETURN_IF_ERROR(one_step());
      TA_ASSIGN_OR_RETURN(const bool stop, stop_agreed());
      const bool scheduled =
          step_ % options_.checkpoint.every_steps == 0 || step_ == options_.steps;
      if (scheduled || stop) TA_RETURN_IF_ERROR(save(scheduled));
      if (stop && step_ < options_.steps) return JobEnd::kSavedAndLeft;
    }
    TA_RETURN_IF_ERROR(report_unheard());
    return JobEnd::kFinished;
  }

 private:
  std::uint64_t samples() const {
    return step_ * static_cast<std::uint64_t>(options_.global_batch);
  }
  Path folder() const { return options_.checkpoint.directory; }

  checkpoint::RunPosition position(bool scheduled) const {
    return {.step = step_,
            .samples = samples(),
            .seed = options_.runtime.seed,
            .world_size = rank_.group.size(),
            .global_batch = options_.global_batch,
            .dataset_digest = dataset_.digest(),
            .config_digest = options_.config_digest,
            .model_digest = options_.model_digest,
            .scalars = {},
            .scheduled = scheduled};
  }

  model::StateDict state() const {
    model::StateDict tensors = optimizer_.state();
    for (const auto& parameter : task_.parameters())
      tensors[parameter.name] = parameter.tensor.detach().to(at::kCPU);
    return tensors;
  }

  void report_checkpoint(const checkpoint::Manifest& manifest) {
    if (!rank_.is_first()) return;
    const protocol::CheckpointInfo checkpoint{
        .step = manifest.position.step,
        .path = std::filesystem::absolute(manifest.folder).string(),
        .digest = manifest.digest,
        .scheduled = manifest.position.scheduled};
    const auto status = rank_.reporter.checkpoint(checkpoint);
    if (status.ok()) return;
    // The checkpoint exists whether or not somebody heard of it: the run goes on.
    log_warning("checkpoint of step {} could not be reported: {}", checkpoint.step,
                status.to_string());
    unheard_.push_back(checkpoint);
  }

  /// After a run that succeeded nobody reports again, and the checkpoint would not be evaluated.
  Status report_unheard() {
    for (const auto& checkpoint : std::exchange(unheard_, {}))
      TA_RETURN_IF_ERROR(rank_.reporter.checkpoint(checkpoint));
    return ok_status();
  }

  /// Every checkpoint that exists is said again: the report of the newest may have been lost with
  /// its writer.
  Status report_existing() {
    if (!rank_.is_first()) return ok_status();
    TA_ASSIGN_OR_RETURN(const auto manifests, checkpoint::list(rank_.files, folder()));
    for (const auto& manifest : manifests) report_checkpoint(manifest);
    return ok_status();
  }

  Status check_same_run(const checkpoint::RunPosition& found) const {
    const auto differs = [&](const char* what, const std::string& ours, const std::string& theirs) {
      return invalid_argument(
          format("resume from {}: the checkpoint of step {} was made with another {} (expected {}, "
                 "found {}); "
                 "use another checkpoint.directory, or go back to the earlier configuration",
                 folder().string(), found.step, what, ours, theirs));
    };
    if (found.config_digest != options_.config_digest)
      return differs("configuration", options_.config_digest, found.config_digest);
    if (found.dataset_digest != dataset_.digest())
      return differs("data set", dataset_.digest(), found.dataset_digest);
    if (found.model_digest != options_.model_digest)
      return differs("frozen model", options_.model_digest, found.model_digest);
    return ok_status();
  }

  Status take_lease() {
    const RankIdentity identity = rank_.reporter.identity();
    lease_ = {identity.coordinator, identity.job.value, identity.attempt.value};
    Status status;
    if (rank_.is_first()) {
      const auto taken = checkpoint::take_lease(rank_.files, folder(), lease_);
      status = taken.status();
      if (taken.ok()) lease_ = *taken;
    }
    TA_ASSIGN_OR_RETURN(const auto words,
                        rank_.group.all_gather_strings(status.ok() ? "" : status.message()));
    if (!words[0].empty()) return already_exists(words[0]);
    std::array<std::uint64_t, 1> attempt{lease_.attempt};  // alone, only the first rank knows it
    TA_RETURN_IF_ERROR(rank_.group.all_reduce_max_u64(attempt));
    lease_.attempt = static_cast<std::uint32_t>(attempt[0]);
    return ok_status();
  }

  Status resume() {
    if (rank_.is_first()) TA_RETURN_IF_ERROR(rank_.files.create_directories(folder()));
    TA_RETURN_IF_ERROR(take_lease());
    TA_ASSIGN_OR_RETURN(auto newest, checkpoint::load_newest(rank_.files, folder()));
    TA_RETURN_IF_ERROR(agree_on(newest));
    if (rank_.is_first()) {
      for (const auto& skipped : newest.skipped) {
        rank_.reporter.notice(format("{} is damaged and was skipped: {}", skipped.folder.string(),
                                     skipped.reason.message()));
      }
    }
    TA_RETURN_IF_ERROR(report_existing());
    if (!newest.found) return ok_status();
    TA_RETURN_IF_ERROR(check_same_run(newest.manifest.position));
    TA_RETURN_IF_ERROR(
        adopt(checkpoint::to_tensors(std::move(newest.tensors)), newest.manifest.position.step));
    log_info("{}: resumed from {} (step {})", options_.label, newest.manifest.folder.string(),
             step_);
    return ok_status();
  }

  /// Ranks that see different newest checkpoints (a slow file system) must not go on together.
  Status agree_on(const checkpoint::Newest& newest) {
    TA_ASSIGN_OR_RETURN(const auto seen, rank_.group.all_gather_strings(
                                             newest.found ? newest.manifest.digest : "none"));
    const auto other = std::find_if(seen.begin(), seen.end(),
                                    [&](const auto& digest) { return digest != seen[0]; });
    if (other == seen.end()) return ok_status();
    return unavailable(
        format("resume from {}: rank {} sees another newest checkpoint than rank 0 ({} and {}); is "
               "it one shared folder?",
               folder().string(), other - seen.begin(), *other, seen[0]));
  }

  Status adopt(model::StateDict tensors, std::uint64_t step) {
    const at::NoGradGuard no_grad;
    for (const auto& parameter : task_.parameters()) {
      const auto found = tensors.find(parameter.name);
      if (found == tensors.end() || found->second.sizes() != parameter.tensor.sizes()) {
        return data_loss(format("resume: the checkpoint has no tensor {} of the expected shape",
                                parameter.name));
      }
      parameter.tensor.copy_(found->second);
    }
    step_ = step;
    return optimizer_.load_state(tensors, step);
  }

  Status one_step() {
    TA_ASSIGN_OR_RETURN(const auto batch, loader_->next());
    notices_.insert(notices_.end(), batch.notices.begin(), batch.notices.end());
    auto loss =
        compute_gradients(task_, batch, optimizer_, options_.runtime.bucket_mib, rank_.group);
    if (!loss.ok()) {
      return loss.status().with_context(format("{} step {}", options_.label, step_ + 1));
    }
    loss_ = std::move(loss).value();
    const double norm = optimizer_.clip_gradients(options_.optimizer.clip_grad_norm);
    if (!std::isfinite(norm)) {  // equal on all ranks: the gradients are averaged by now
      return internal_error(
          format("{} step {}: the gradient norm is {}; a smaller base_lr or fp32 may help",
                 options_.label, step_ + 1, norm));
    }
    optimizer_.step(model::learning_rate(schedule_, step_));
    ++step_;
    return say_progress(norm);
  }

  /// The step counts at once; losses are averaged over the ranks only as often as they are logged.
  Status say_progress(double gradient_norm) {
    const auto every = static_cast<std::uint64_t>(options_.runtime.log_every_steps);
    const bool log = step_ % every == 0 || step_ == options_.steps || losses_text_.empty();
    if (log) {
      TA_RETURN_IF_ERROR(say_notices());
      TA_RETURN_IF_ERROR(average_losses(gradient_norm));
    }
    const std::string text = format("{}: step {} of {}{}, {:.0f} images/s", options_.label, step_,
                                    options_.steps, losses_text_, images_per_second());
    rank_.reporter.progress(step_, options_.steps, text);
    if (log && rank_.is_first()) log_info("{}", text);
    return ok_status();
  }

  /// Over the epochs every rank meets a broken image; the first rank names it for all, once.
  Status say_notices() {
    std::string mine;
    for (const auto& notice : notices_) mine += notice + '\n';
    notices_.clear();
    TA_ASSIGN_OR_RETURN(const auto all, rank_.group.all_gather_strings(mine));
    if (!rank_.is_first()) return ok_status();
    for (const auto& lines : all) {
      std::istringstream stream(lines);
      for (std::string notice; std::getline(stream, notice);) {
        if (said_.insert(notice).second) rank_.reporter.notice(notice);
      }
    }
    return ok_status();
  }

  Status average_losses(double gradient_norm) {
    std::vector<float> values{loss_.total.item<float>()};
    for (const auto& part : loss_.parts) values.push_back(part.second.item<float>());
    TA_RETURN_IF_ERROR(rank_.group.all_reduce_sum(values));
    for (auto& value : values) value /= static_cast<float>(rank_.group.size());
    losses_text_ = format(", loss {:.4f}", values[0]);
    for (std::size_t i = 0; i < loss_.parts.size(); ++i)
      losses_text_ += format(", {} {:.4f}", loss_.parts[i].first, values[i + 1]);
    losses_text_ += format(", gradient norm {:.3f}", gradient_norm);
    return ok_status();
  }

  /// Since the start of this attempt.
  double images_per_second() const {
    const auto passed_ms =
        std::max<std::int64_t>(1, system_clock().monotonic_ms() - rate_started_ms_);
    const auto images =
        (step_ - rate_started_step_) * static_cast<std::uint64_t>(options_.global_batch);
    return static_cast<double>(images) * 1000.0 / static_cast<double>(passed_ms);
  }

  /// Every rank learns at the same step boundary whether anybody was asked to stop.
  Result<bool> stop_agreed() {
    std::array<std::uint64_t, 1> wish{rank_.reporter.stop_requested() ? 1u : 0u};
    TA_RETURN_IF_ERROR(rank_.group.all_reduce_max_u64(wish));
    return wish[0] != 0;
  }

  Status save(bool scheduled) {
    TA_ASSIGN_OR_RETURN(const auto held, checkpoint::hold_views(state()));
    const checkpoint::Coordination coordination{.rank = rank_.group.rank(),
                                                .world = rank_.group.size(),
                                                .all_gather = [this](const std::string& mine) {
                                                  return rank_.group.all_gather_strings(mine);
                                                }};
    const checkpoint::SaveOptions save_options{.folder = folder(), .lease = lease_};
    TA_ASSIGN_OR_RETURN(
        const auto manifest,
        checkpoint::save(rank_.files, coordination, save_options, held.views, position(scheduled)));
    report_checkpoint(manifest);
    if (!rank_.is_first()) return ok_status();
    log_info("{}: checkpoint of step {} committed", options_.label, step_);
    return checkpoint::retain(rank_.files, folder(), options_.checkpoint.keep_last, {});
  }

  Rank& rank_;
  TrainingTask& task_;
  const data::CaptionDataset& dataset_;
  const TrainerOptions& options_;
  model::ScheduleOptions schedule_;
  model::AdamW optimizer_;
  std::unique_ptr<data::TrainingLoader> loader_;
  TrainingTask::Loss loss_;
  std::string losses_text_;                        ///< as of the last log line
  std::vector<std::string> notices_;               ///< of this rank, not yet gathered
  std::set<std::string> said_;                     ///< by the first rank
  std::vector<protocol::CheckpointInfo> unheard_;  ///< committed, but not reported yet
  checkpoint::Lease lease_;
  std::uint64_t step_ = 0;
  MonotonicMs rate_started_ms_ = 0;
  std::uint64_t rate_started_step_ = 0;
};

}  // namespace

Result<TrainingTask::Loss> compute_gradients(TrainingTask& task, const data::TrainingBatch& batch,
                                             model::AdamW& optimizer, double bucket_mib,
                                             collectives::CollectiveGroup& group) {
  optimizer.zero_gradients();
  TrainingTask::Loss loss;
  try {
    loss = task.loss(batch);
    loss.total.backward();
  } catch (const c10::Error& error) {
    return internal_error(error.what_without_backtrace());
  }
  TA_RETURN_IF_ERROR(average_gradients(task.parameters(), bucket_mib, group));
  return loss;
}

Result<JobEnd> run_training(Rank& rank, TrainingTask& task, const data::CaptionDataset& dataset,
                            const TrainerOptions& options) {
  return Run(rank, task, dataset, options).run();
}

Result<data::CaptionDataset> open_caption_dataset(Rank& rank,
                                                  const config::CaptionDataConfig& options) {
  auto dataset = data::CaptionDataset::open(rank.files, {.root = options.root,
                                                         .captions = options.captions,
                                                         .tags = options.tags,
                                                         .tag_names = options.tag_names});
  if (dataset.ok() && rank.is_first()) {
    for (const auto& notice : dataset->notices()) rank.reporter.notice(notice);
  }
  return dataset;
}

}  // namespace tagalign::jobs
