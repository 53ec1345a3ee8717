#include "worker/train/trainer.h"

#include <ATen/core/grad_mode.h>

#include <array>
#include <cmath>
#include <memory>
#include <optional>
#include <utility>

#include "base/format.h"
#include "base/log.h"
#include "checkpoint/tensor_adapter.h"
#include "data/training/broken_share.h"
#include "model/training/optimizer.h"
#include "worker/gradients/updates.h"
#include "worker/identity/dataset_options.h"
#include "worker/identity/schedule.h"
#include "worker/train/commits/run_checkpoints.h"
#include "worker/train/commits/step_log.h"
#include "worker/train/divergence.h"
#include "worker/train/logical_ranks.h"
#include "worker/train/pace_meter.h"
#include "worker/train/stragglers.h"
#include "worker/train/trainer_options.h"
#include "worker/train/training_progress.h"

namespace tagalign::jobs {
namespace {

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
        optimizer_(task.parameters(),
                   {.beta1 = options.optimizer.beta1,
                    .beta2 = options.optimizer.beta2,
                    .eps = options.optimizer.eps,
                    .weight_decay = options.optimizer.weight_decay},
                   task.late(), optimizer_share(options, rank)),
        checkpoints_(rank, checkpoint_options(options, rank, dataset, optimizer_)),
        broken_share_(dataset.size(), options.data.broken_share_max) {}

  Result<JobEnd> run() {
    if (const int ranks = config::logical_ranks(options_.optimizer); ranks > 0)
      TA_RETURN_IF_ERROR(check_logical_ranks(task_, ranks, options_.global_batch, rank_.group));
    TA_RETURN_IF_ERROR(resume());
    TA_RETURN_IF_ERROR(checkpoints_.expect(state_now()));
    open_step_log();
    TA_RETURN_IF_ERROR(open_loader());
    progress_.emplace(rank_, options_, step_);
    rank_.enter(wire::Phase::kFirstStep);
    while (step_ < options_.steps) {
      TA_ASSIGN_OR_RETURN(const bool went_on, one_step());
      if (!went_on) continue;
      TA_ASSIGN_OR_RETURN(const bool stop, vote());
      const bool last = step_ == options_.steps;
      const bool scheduled = last || step_ % options_.checkpoint.every_steps == 0;
      if (scheduled || stop) TA_RETURN_IF_ERROR(save(scheduled));
      if (!stop || last) continue;
      TA_RETURN_IF_ERROR(finish_commit());
      return JobEnd::kSavedAndLeft;
    }
    rank_.enter(wire::Phase::kSave);  // and whatever the job writes after its last step
    TA_RETURN_IF_ERROR(checkpoints_.finish());
    TA_RETURN_IF_ERROR(checkpoints_.report_unheard());
    return JobEnd::kFinished;
  }

 private:
  Status resume() {
    TA_ASSIGN_OR_RETURN(auto newest, checkpoints_.open());
    if (!newest.found) return ok_status();
    TA_RETURN_IF_ERROR(adopt(newest));
    log_info("{}: resumed from {} (step {})", options_.label, newest.manifest.folder.string(),
             step_);
    return ok_status();
  }

  void open_step_log() {
    if (!rank_.is_first()) return;
    step_log_.emplace(rank_.files, options_.checkpoint.directory,
                      step_terms(options_, rank_, dataset_));
    step_log_->open(step_);
  }

  /// Where the next step's batch lies in the sequence of samples.
  std::uint64_t next_sample() const {
    return step_ * static_cast<std::uint64_t>(options_.global_batch) + passed_over_;
  }

  Status open_loader() {
    loader_.reset();
    TA_ASSIGN_OR_RETURN(loader_, data::TrainingLoader::create(
                                     dataset_, loader_options(options_, rank_, next_sample())));
    return ok_status();
  }

  Status adopt(checkpoint::Newest& newest) {
    const checkpoint::RunPosition& position = newest.manifest.position;
    const std::uint64_t batch = static_cast<std::uint64_t>(options_.global_batch);
    passed_over_ = position.samples - std::min(position.samples, position.step * batch);
    loss_mean_.restore(position.scalars);
    return adopt(checkpoint::to_tensors(std::move(newest.tensors)), position.step);
  }

  Status adopt(model::StateDict tensors, std::uint64_t step) {
    const at::NoGradGuard no_grad;
    for (const auto& [name, tensor] : saved()) {
      const auto found = tensors.find(name);
      if (found == tensors.end() || found->second.sizes() != tensor.sizes()) {
        return data_loss(
            format("resume: the checkpoint has no tensor {} of the expected shape", name));
      }
      tensor.copy_(found->second);
    }
    step_ = step;
    return optimizer_.take_state(std::move(tensors), step);
  }

  /// Begins a commit of the state as it is now, which stays so until settle().
  Status save(bool scheduled) {
    rank_.enter(wire::Phase::kSave);
    TA_RETURN_IF_ERROR(checkpoints_.begin(state_now(), scheduled, pace_.pace()));
    rank_.enter(wire::Phase::kStep);
    divergences_ = 0;
    pace_.commit_begun();
    return ok_status();
  }

  RunState state_now() const {
    RunState state{optimizer_.state(), optimizer_.parts(), step_, next_sample(), {}};
    for (const auto& [name, tensor] : saved()) state.tensors[name] = tensor;
    state.scalars = loss_mean_.scalars();
    return state;
  }

  Status finish_commit() {
    rank_.enter(wire::Phase::kSave);
    TA_RETURN_IF_ERROR(checkpoints_.finish());
    rank_.enter(wire::Phase::kStep);
    return ok_status();
  }

  /// All tensors of the task, beside which the optimiser has its own.
  model::Parameters saved() const {
    model::Parameters tensors = task_.parameters();
    for (model::Parameter& buffer : task_.buffers()) tensors.push_back(std::move(buffer));
    return tensors;
  }

  /// False when the run went back to a checkpoint instead.
  Result<bool> one_step() {
    stragglers_.step_begins();
    TA_ASSIGN_OR_RETURN(const auto batch, loader_->next());
    stragglers_.batch_is_there();
    progress_->add_notices(batch.notices);
    replaced_ = batch.replaced;
    if (!task_.buffers().empty())
      TA_RETURN_IF_ERROR(checkpoints_.settle());  // forward() writes them
    const auto loss = compute_gradients(task_, batch, optimizer_, options_.runtime.bucket_mib,
                                        rank_.group, config::logical_ranks(options_.optimizer));
    if (!loss.ok()) {
      return loss.status().with_context(format("{} step {}", options_.label, step_ + 1));
    }
    const double norm = optimizer_.clip_gradients(options_.optimizer.clip_grad_norm);
    const double rate = model::learning_rate(schedule_, step_);
    TA_ASSIGN_OR_RETURN(const std::string diverged, divergence(*loss, norm));
    if (diverged.empty()) {
      TA_RETURN_IF_ERROR(checkpoints_.settle());
      optimizer_.step(rate);
      TA_RETURN_IF_ERROR(share_updates(optimizer_, rank_.group));
    } else {
      const Status judged = judge(diverged, batch, *loss);
      if (!judged.ok()) return give_up(judged);
      if (options_.optimizer.on_divergence == config::DivergenceChoice::kRewind) return rewind();
      optimizer_.pass_over();
    }
    ++step_;
    const double mine = loss->total.item<double>();
    done_ = {step_, next_sample(), loss_print(rank_.group.rank(), mine), norm, rate};
    learned_loss_.reset();
    if (diverged.empty()) learned_loss_ = std::isfinite(mine) ? mine : 0;
    pace_.step_done();
    rank_.enter(wire::Phase::kStep);
    TA_RETURN_IF_ERROR(stragglers_.step_done());
    TA_RETURN_IF_ERROR(progress_->step_done(step_, *loss, norm));
    return true;
  }

  /// Why the step must not be learned from, on all ranks alike; empty: it may be. A norm that is not
  /// finite is so on all ranks, once the gradients are averaged: only who goes on has to agree.
  Result<std::string> divergence(const TrainingTask::Loss& loss, double norm) {
    const config::OptimizerConfig& o = options_.optimizer;
    const std::string not_finite =
        std::isfinite(norm) ? "" : format("the gradient norm is {}", norm);
    if (o.on_divergence == config::DivergenceChoice::kStop && o.loss_spike == 0) return not_finite;
    const double mine = loss.total.item<double>();
    const bool bad = !not_finite.empty() || !std::isfinite(mine);
    std::array<std::uint64_t, 2> sums{bad ? 0 : to_fixed_point(mine), bad ? 1U : 0U};
    TA_RETURN_IF_ERROR(rank_.group.all_reduce_sum_u64(sums));
    if (sums[1] > 0) {
      return not_finite.empty() ? format("the loss of {} ranks is not finite", sums[1])
                                : not_finite;
    }
    const double mean = from_fixed_point(sums[0]) / rank_.group.size();
    if (loss_mean_.is_spike(mean, o.loss_spike)) {
      return format("the loss leapt to {:.4f}, more than {} times its running mean {:.4f}", mean,
                    o.loss_spike, loss_mean_.value());
    }
    return std::string();
  }

  /// Said once by each rank; an error where the run shall end.
  Status judge(const std::string& diverged, const data::TrainingBatch& batch,
               const TrainingTask::Loss& loss) {
    const config::OptimizerConfig& o = options_.optimizer;
    const std::string first = first_not_finite(loss, task_.parameters());
    const std::string what =
        format("{} step {}: {}{}; {}", options_.label, step_ + 1, diverged,
               first.empty() ? "" : "; first of all, " + first,
               batch_identity(batch, dataset_, next_sample(), options_.global_batch));
    const bool too_many = ++divergences_ > o.divergences_max;
    if (o.on_divergence == config::DivergenceChoice::kStop || too_many) {
      return internal_error(
          format("{}{}; a smaller base_lr or fp32 may help, and optimizer.on_divergence can skip "
                 "such a batch or rewind",
                 what, too_many ? format("; {} since the newest checkpoint", divergences_) : ""));
    }
    rank_.reporter.notice(what);
    return ok_status();
  }

  /// To the newest checkpoint, but behind the batch that diverged: what led there is not seen again.
  Result<bool> rewind() {
    const std::uint64_t behind = next_sample() + static_cast<std::uint64_t>(options_.global_batch);
    TA_RETURN_IF_ERROR(finish_commit());
    rank_.enter(wire::Phase::kLoad);
    TA_ASSIGN_OR_RETURN(auto newest, checkpoints_.newest());
    if (!newest.found) {
      return internal_error(
          format("{}: there is no checkpoint yet to rewind to; lower "
                 "checkpoint.every_steps, or skip",
                 options_.label));
    }
    TA_RETURN_IF_ERROR(adopt(newest));
    passed_over_ = behind - step_ * static_cast<std::uint64_t>(options_.global_batch);
    TA_RETURN_IF_ERROR(open_loader());
    rank_.enter(wire::Phase::kFirstStep);
    if (rank_.is_first()) {
      step_log_->rewind(step_);
      rank_.reporter.notice(format("{}: rewound to step {}, going on at sample {}", options_.label,
                                   step_, next_sample()));
    }
    return false;
  }

  /// Every rank learns at the same step boundary whether anybody was asked to stop, whether too
  /// many images are broken, how the commit behind the steps gets on, and what all losses were.
  Result<bool> vote() {
    std::array<std::uint64_t, 6> sums{rank_.reporter.stop_requested() ? 1u : 0u,
                                      replaced_,
                                      checkpoints_.ready() ? 1u : 0u,
                                      checkpoints_.in_trouble() ? 1u : 0u,
                                      done_.losses,
                                      to_fixed_point(learned_loss_.value_or(0))};
    TA_RETURN_IF_ERROR(rank_.group.all_reduce_sum_u64(sums));
    write_down(sums[4]);
    if (learned_loss_) loss_mean_.add(from_fixed_point(sums[5]) / rank_.group.size());
    const auto batch = static_cast<std::uint64_t>(options_.global_batch);
    const Status whole = broken_share_.add(
        {.first_sample = next_sample() - batch, .samples = batch, .replaced = sums[1]});
    if (!whole.ok()) return give_up(whole);
    if (sums[2] == static_cast<std::uint64_t>(rank_.group.size())) TA_RETURN_IF_ERROR(go_on());
    if (sums[3] > 0) TA_RETURN_IF_ERROR(finish_commit());
    return sums[0] != 0;
  }

  /// With the marks of all ranks' losses.
  void write_down(std::uint64_t losses) {
    if (!step_log_) return;
    done_.losses = losses;
    const std::string differs = step_log_->add(done_);
    if (!differs.empty()) rank_.reporter.notice(format("{}: {}", options_.label, differs));
  }

  /// The run ends by a judgement that all ranks share: the commit under way is worth having first.
  Status give_up(const Status& why) {
    if (optimizer_.late().averaged) (void)finish_commit();
    return why;
  }

  Status go_on() {
    rank_.enter(wire::Phase::kSave);
    TA_RETURN_IF_ERROR(checkpoints_.go_on());
    rank_.enter(wire::Phase::kStep);
    pace_.stood_still();
    return ok_status();
  }

  Rank& rank_;
  TrainingTask& task_;
  const data::CaptionDataset& dataset_;
  const TrainerOptions& options_;
  model::ScheduleOptions schedule_;
  model::AdamW optimizer_;
  RunCheckpoints checkpoints_;
  data::BrokenShare broken_share_;
  std::uint64_t replaced_ = 0;  ///< of this rank's last batch
  std::unique_ptr<data::TrainingLoader> loader_;
  std::optional<TrainingProgress> progress_;  ///< from the first step of this attempt on
  PaceMeter pace_{system_clock(), options_.steps};
  StragglerWatch stragglers_{rank_, system_clock()};
  std::optional<StepLog> step_log_;     ///< on the first rank
  StepRecord done_;                     ///< the last step, with this rank's loss alone
  std::optional<double> learned_loss_;  ///< this rank's of it; absent: it was passed over
  std::uint64_t step_ = 0;
  std::uint64_t passed_over_ = 0;  ///< samples that rewinding has left out
  LossMean loss_mean_;
  int divergences_ = 0;  ///< since the newest checkpoint of this attempt
};

}  // namespace

Result<JobEnd> run_training(Rank& rank, TrainingTask& task, const data::CaptionDataset& dataset,
                            const TrainerOptions& options) {
  return Run(rank, task, dataset, options).run();
}

Result<data::CaptionDataset> open_caption_dataset(Rank& rank,
                                                  const config::CaptionDataConfig& options,
                                                  bool learns_attributes) {
  const auto open = [&] {
    return data::CaptionDataset::open(rank.files, dataset_options(options, learns_attributes));
  };
  Result<data::CaptionDataset> dataset = internal_error("the data set was not opened");
  TA_RETURN_IF_ERROR(rank.first_decides([&] {
    dataset = open();
    return dataset.status();
  }));
  if (!rank.is_first()) return open();  // by the indexes that the first rank has made
  if (!options.attributes.empty() && !learns_attributes)
    rank.reporter.notice("data.attributes is not read: this training learns no attributes");
  for (const auto& notice : dataset->notices()) rank.reporter.notice(notice);
  return dataset;
}

}  // namespace tagalign::jobs
