#include "tests/golden/check/training_run.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <utility>

#include "base/format.h"
#include "model/methods/tagalign/tagalign.h"
#include "tests/golden/check/rank_threads.h"
#include "tests/support/recording_reporter.h"
#include "worker/collectives/collective_group.h"
#include "worker/train/objective_task.h"
#include "worker/train/trainer.h"

namespace tagalign::golden {
namespace {

constexpr double kBucketMib = 0.25;  // several buckets even for small projectors

/// The rows of one rank as the loader would hand them out.
data::TrainingBatch rank_batch(const TrainingInputs& inputs, std::int64_t batch, int rank,
                               int size) {
  const std::string name = format("batch{}.", batch);
  const std::int64_t first = std::int64_t{rank} * size;
  const at::Tensor images =
      inputs.inputs.at(name + "images").narrow(0, first, size).to(at::kFloat).contiguous();
  const at::Tensor tags =
      inputs.inputs.at(name + "tags").narrow(0, first, size).to(at::kFloat).contiguous();
  data::TrainingBatch result{.size = size};
  result.images.assign(images.const_data_ptr<float>(),
                       images.const_data_ptr<float>() + images.numel());
  for (std::int64_t row = 0; row < size; ++row) {
    const auto& captions = inputs.captions.at(static_cast<std::size_t>(batch));
    result.captions.push_back(captions.at(static_cast<std::size_t>(first + row)));
    std::vector<std::int32_t> set;
    for (std::int64_t tag = 0; tag < tags.size(1); ++tag) {
      if (tags.const_data_ptr<float>()[row * tags.size(1) + tag] != 0) {
        set.push_back(static_cast<std::int32_t>(tag));
      }
    }
    result.tags.push_back(set);
  }
  return result;
}

Result<std::unique_ptr<model::Projector>> initial_projector(const TrainingInputs& inputs,
                                                            const RunPlan& plan) {
  auto projector = model::make_projector(plan.shape, inputs.clip.vision.projection(), /*seed=*/1);
  TA_RETURN_IF_ERROR(model::load_projector(*projector, plan.projector));
  const at::NoGradGuard no_grad;
  for (const auto& [name, tensor] : projector->parameters()) {
    if (plan.zero_gates && name.ends_with(".gate")) at::Tensor(tensor).zero_();
  }
  return projector;
}

Status resume(const ResumeState& state, const model::Parameters& parameters,
              model::AdamW& optimizer) {
  const at::NoGradGuard no_grad;
  for (const auto& [name, tensor] : parameters) {
    const auto found = state.parameters.find(name);
    if (found == state.parameters.end() || found->second.sizes() != tensor.sizes()) {
      return invalid_argument(format("the checkpoint has no {} of the expected shape", name));
    }
    tensor.copy_(found->second);
  }
  return optimizer.load_state(state.moments, state.steps_done);
}

Tensors copies(const model::Parameters& parameters, bool of_gradients) {
  Tensors result;
  for (const auto& [name, tensor] : parameters) {
    result[name] = (of_gradients ? tensor.grad() : tensor).detach().clone();
  }
  return result;
}

Result<StepRecord> one_step(jobs::TrainingTask& task, const data::TrainingBatch& batch,
                            const RunPlan& plan, model::AdamW& optimizer, std::uint64_t step,
                            collectives::CollectiveGroup& group) {
  TA_ASSIGN_OR_RETURN(const auto loss,
                      jobs::compute_gradients(task, batch, optimizer, kBucketMib, group));
  StepRecord record{.lr = model::learning_rate(plan.schedule, step),
                    .cl_loss = loss.parts.at(0).second.item<double>(),
                    .ce_loss = loss.parts.at(1).second.item<double>(),
                    .total = loss.total.item<double>(),
                    .gradients = copies(task.parameters(), /*of_gradients=*/true)};
  record.gradient_norm = optimizer.clip_gradients(plan.clip_norm);
  optimizer.step(record.lr);
  record.parameters = copies(task.parameters(), /*of_gradients=*/false);
  return record;
}

Result<RankRecord> run_rank(const TrainingInputs& inputs, const RunPlan& plan,
                            collectives::CollectiveGroup& group) {
  jobs::RecordingReporter reporter;
  jobs::Rank rank{.group = group, .reporter = reporter, .files = posix_file_system()};
  config::TrainConfig config;
  config.runtime.precision = config::Precision::kFp32;
  config.data.image_size = static_cast<int>(inputs.inputs.at("batch0.images").size(2));
  TA_ASSIGN_OR_RETURN(auto projector, initial_projector(inputs, plan));
  const at::Tensor& labels = inputs.inputs.at("label_embedding");
  auto objective = model::make_tagalign_objective(
      {.vision = &inputs.clip.vision, .text = &inputs.clip.text},
      {.projector = std::move(projector), .label_embedding = labels});
  const auto task = jobs::make_objective_task(
      rank, config,
      {.tokenizer = inputs.tokenizer, .tags = static_cast<std::size_t>(labels.size(0))},
      std::move(objective));
  model::AdamW optimizer(task->parameters(), plan.optimizer);
  if (plan.resume) TA_RETURN_IF_ERROR(resume(*plan.resume, task->parameters(), optimizer));
  std::uint64_t step = plan.resume ? plan.resume->steps_done : 0;
  RankRecord record{.parameters = task->parameters()};
  for (const std::int64_t batch : plan.batches) {
    const auto rows = rank_batch(inputs, batch, group.rank(), plan.batch_per_rank);
    TA_ASSIGN_OR_RETURN(auto done, one_step(*task, rows, plan, optimizer, step++, group));
    record.steps.push_back(std::move(done));
  }
  record.moments = optimizer.state();
  return record;
}

}  // namespace

Result<std::vector<RankRecord>> run_training_steps(const TrainingInputs& inputs,
                                                   const RunPlan& plan) {
  return on_rank_threads(plan.ranks, [&](collectives::CollectiveGroup& group) {
    return run_rank(inputs, plan, group);
  });
}

}  // namespace tagalign::golden
