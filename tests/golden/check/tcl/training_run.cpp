#include "tests/golden/check/tcl/training_run.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <utility>

#include "base/format.h"
#include "model/methods/tcl/losses.h"
#include "model/methods/tcl/tcl.h"
#include "tests/golden/check/rank_threads.h"
#include "tests/support/recording_reporter.h"
#include "worker/collectives/collective_group.h"
#include "worker/train/objective_task.h"
#include "worker/train/trainer.h"

namespace tagalign::golden::tcl {
namespace {

constexpr double kBucketMib = 0.25;  // several buckets even for small maskers

/// The rows of one rank as the loader would hand them out.
data::TrainingBatch rank_batch(const TrainingInputs& inputs, std::int64_t batch, int rank, int size,
                               std::uint64_t step) {
  const std::int64_t first = std::int64_t{rank} * size;
  const at::Tensor images = inputs.images.at(format("batch{}.images", batch))
                                .narrow(0, first, size)
                                .to(at::kFloat)
                                .contiguous();
  data::TrainingBatch result{.size = size, .step = step};
  result.images.assign(images.const_data_ptr<float>(),
                       images.const_data_ptr<float>() + images.numel());
  const auto& captions = inputs.captions.at(static_cast<std::size_t>(batch));
  for (std::int64_t row = 0; row < size; ++row)
    result.captions.push_back(captions.at(static_cast<std::size_t>(first + row)));
  result.tags.resize(static_cast<std::size_t>(size));
  return result;
}

Result<std::unique_ptr<model::Masker>> initial_masker(const TrainingInputs& inputs,
                                                      const RunPlan& plan) {
  const model::ClipShape& clip = inputs.clip.vision.shape();
  auto masker = std::make_unique<model::Masker>(
      model::MaskerShape{.layers = plan.method.decoder.layers,
                         .double_convolutions = plan.method.decoder.double_convolutions,
                         .first_block = clip.vision_layers - plan.method.copied_blocks,
                         .width = clip.vision_width,
                         .embedding = clip.embed_dim},
      inputs.clip.vision, 0);
  // A smaller masker starts from the tensors that it has.
  Tensors own;
  for (const auto& parameter : masker->parameters()) {
    const auto found = inputs.masker.find(parameter.name);
    if (found != inputs.masker.end()) own[parameter.name] = found->second;
  }
  TA_RETURN_IF_ERROR(model::load_masker(*masker, own));
  return masker;
}

Status resume(const model::ReferenceFile& file, const model::Parameters& parameters,
              model::AdamW& optimizer) {
  const at::NoGradGuard no_grad;
  for (const auto& [name, tensor] : parameters) {
    const auto found = file.tensors.find(name);
    if (found == file.tensors.end() || found->second.sizes() != tensor.sizes())
      return invalid_argument(format("the checkpoint has no {} of the expected shape", name));
    tensor.copy_(found->second);
  }
  if (!file.moments) return invalid_argument("the checkpoint holds no optimizer");
  return optimizer.load_state(file.moments->tensors, file.steps_done.value_or(0));
}

Tensors gradients_of(const model::Parameters& parameters) {
  Tensors result;
  for (const auto& [name, tensor] : parameters) {
    if (tensor.grad().defined()) result[name] = tensor.grad().detach().clone();
  }
  return result;
}

Tensors values_of(const model::Parameters& parameters) {
  Tensors result;
  for (const auto& [name, tensor] : parameters) result[name] = tensor.detach().clone();
  return result;
}

Result<StepRecord> one_step(jobs::TrainingTask& task, const data::TrainingBatch& batch,
                            const RunPlan& plan, model::AdamW& optimizer,
                            collectives::CollectiveGroup& group) {
  TA_ASSIGN_OR_RETURN(const auto loss,
                      jobs::compute_gradients(task, batch, optimizer, kBucketMib, group));
  StepRecord record{.lr = model::learning_rate(plan.schedule, batch.step),
                    .total = loss.total.item<double>(),
                    .gradients = gradients_of(task.parameters())};
  for (const auto& [name, value] : loss.parts) record.losses[name] = value.item<double>();
  record.gradient_norm = optimizer.clip_gradients(plan.clip_norm);
  optimizer.step(record.lr);
  record.parameters = values_of(task.parameters());
  return record;
}

Result<RankRecord> run_rank(const TrainingInputs& inputs, const RunPlan& plan,
                            collectives::CollectiveGroup& group) {
  jobs::RecordingReporter reporter;
  jobs::Rank rank{.group = group, .reporter = reporter, .files = posix_file_system()};
  config::TrainConfig config;
  config.runtime.precision = config::Precision::kFp32;
  config.data.image_size = static_cast<int>(inputs.images.at("batch0.images").size(2));
  TA_ASSIGN_OR_RETURN(auto masker, initial_masker(inputs, plan));
  auto objective = model::make_tcl_objective(
      inputs.clip.materials(),
      {.masker = std::move(masker),
       .config = plan.method,
       .noise = [&plan, &group](const model::NoiseRequest& request) {
         const auto& all =
             plan.noise->at(format("rank{}.step{}.noise", group.rank(), request.step));
         return model::own_masks(all, static_cast<std::int64_t>(request.first_image));
       }});
  const auto task = jobs::make_objective_task(
      rank, config, {.tokenizer = inputs.clip.tokenizer, .tags = 0}, std::move(objective));
  model::AdamW optimizer(task->parameters(), plan.optimizer, task->late());
  if (plan.resume != nullptr)
    TA_RETURN_IF_ERROR(resume(*plan.resume, task->parameters(), optimizer));
  RankRecord record{.late = task->late(), .parameters = task->parameters()};
  for (const std::int64_t batch : plan.batches) {
    const auto rows =
        rank_batch(inputs, batch, group.rank(), plan.batch_per_rank, optimizer.steps_done());
    TA_ASSIGN_OR_RETURN(auto done, one_step(*task, rows, plan, optimizer, group));
    record.steps.push_back(std::move(done));
  }
  for (const auto& [name, tensor] : optimizer.state()) record.moments[name] = tensor.clone();
  record.steps_done = optimizer.steps_done();
  return record;
}

}  // namespace

RunPlan plan_of(const Json& run, std::int64_t blocks) {
  const Json& train = run.at("config").at("train");
  const Json& shape = run.at("config").at("model");
  const Json& masker = shape.at("masker");
  RunPlan plan;
  plan.method.decoder = {.layers = masker.at("decoder").at("n_layers"),
                         .double_convolutions = masker.at("decoder").at("double")};
  plan.method.copied_blocks = static_cast<int>(blocks - shape.at("ie_freeze").get<std::int64_t>());
  plan.method.blocks_from_step = train.at("ust_steps");
  plan.method.area_weight = shape.at("area_w");
  plan.method.contrast_weight = shape.at("tcl_w");
  plan.method.smoothness_weight = shape.at("tv_w");
  plan.method.temperature = masker.at("sim2mask").at("gumbel_tau");
  plan.method.pairing = config::TclPairing::kReference;
  plan.method.block_gradients = config::TclBlockGradients::kReference;
  plan.ranks = run.at("config").at("world");
  plan.batch_per_rank = run.at("config").at("batch_per_rank");
  plan.clip_norm = train.at("clip_grad");
  plan.optimizer = {.beta1 = train.at("optimizer").at("betas").at(0),
                    .beta2 = train.at("optimizer").at("betas").at(1),
                    .eps = train.at("optimizer").at("eps"),
                    .weight_decay = train.at("weight_decay")};
  plan.schedule = {.kind = model::ScheduleOptions::Kind::kCosine,
                   .lr = train.at("base_lr"),
                   .min_lr = train.at("min_lr"),
                   .warmup_steps = train.at("warmup_steps"),
                   .total_steps = train.at("total_steps")};
  for (const Json& step : run.at("log_per_rank_float32").at(0))
    plan.batches.push_back(step.at("batch").get<std::int64_t>());
  return plan;
}

Result<std::vector<RankRecord>> run_training_steps(const TrainingInputs& inputs,
                                                   const RunPlan& plan) {
  return on_rank_threads(plan.ranks, [&](collectives::CollectiveGroup& group) {
    return run_rank(inputs, plan, group);
  });
}

}  // namespace tagalign::golden::tcl
