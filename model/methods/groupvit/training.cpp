#include "model/methods/groupvit/training.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/zeros_like.h>
#include <c10/core/impl/LocalDispatchKeySet.h>

#include <utility>

#include "base/format.h"

namespace tagalign::model {
namespace {

constexpr double kScaleMax = 100.0;
constexpr char kScale[] = "logit_scale";
constexpr char kPromptScale[] = "multi_label_logit_scale";
constexpr char kCounter[] = "num_batches_tracked";

at::Tensor gathered(const at::Tensor& x, const LossRanks& ranks) {
  return ranks.world > 1 ? ranks.gather(x) : x;
}

/// Running statistics and counters are no parameters.
bool is_statistic(const std::string& name) {
  return name.ends_with("running_mean") || name.ends_with("running_var") ||
         name.ends_with(kCounter);
}

}  // namespace

at::Tensor noun_prompt_loss(const at::Tensor& image, const at::Tensor& prompts,
                            const at::Tensor& log_scale, const LossRanks& ranks) {
  const std::int64_t batch = prompts.size(0), count = prompts.size(1);
  const at::Tensor scale = log_scale.exp().clamp_max(kScaleMax);
  const at::Tensor own_images = unit_rows(image.to(at::kFloat));                   // [B, E]
  const at::Tensor own_prompts = unit_rows(prompts.to(at::kFloat)).flatten(0, 1);  // [B·K, E]
  const at::Tensor images = gathered(own_images, ranks);                           // [R·B, E]
  const at::Tensor all = gathered(own_prompts, ranks);                             // [R·B·K, E]
  const auto first = static_cast<std::int64_t>(ranks.rank) * batch;
  const at::Tensor of_images = at::log_softmax(at::matmul(own_images, all.t()) * scale, 1)
                                   .narrow(1, first * count, batch * count)
                                   .unflatten(1, {batch, count});  // [B, B, K]
  const at::Tensor image_loss = -of_images.diagonal(0, 0, 1).mean();
  const at::Tensor of_prompts = at::log_softmax(at::matmul(own_prompts, images.t()) * scale, 1)
                                    .narrow(1, first, batch)
                                    .unflatten(0, {batch, count});  // [B, K, B]
  const at::Tensor prompt_loss = -of_prompts.diagonal(0, 0, 2).mean();
  return (image_loss + prompt_loss) * 0.5;
}

std::vector<DropPath> drop_paths(const at::Tensor& uniform, double rate) {
  const std::int64_t blocks = uniform.size(0) / 2 + 1;
  std::vector<DropPath> drops(1);
  for (std::int64_t block = 1; block < blocks; ++block) {
    const double kept = 1.0 - rate * static_cast<double>(block) / static_cast<double>(blocks - 1);
    const auto scale = [&](std::int64_t row) {
      return (uniform[row] + kept).floor().div(kept).view({-1, 1, 1});  // [B, 1, 1]
    };
    drops.push_back({scale(2 * block - 2), scale(2 * block - 1)});
  }
  return drops;
}

Result<GroupVitTrainer> GroupVitTrainer::create(const StateDict& tensors, std::int64_t heads,
                                                at::Device device) {
  StateDict taken;
  TA_ASSIGN_OR_RETURN(GroupVitTowers towers,
                      groupvit_towers(tensors, {.heads = static_cast<int>(heads)}, device, &taken));
  GroupVitTrainer trainer(std::move(towers));
  for (const auto& [name, tensor] : taken) {
    if (is_statistic(name)) {
      trainer.statistics_[name] = name.ends_with(kCounter) ? tensor.to(at::kLong) : tensor;
      continue;
    }
    trainer.parameters_.push_back({name, tensor});
    if (name == kScale) trainer.log_scale_ = tensor;
    if (name == kPromptScale) trainer.prompt_log_scale_ = tensor;
  }
  return trainer;
}

GroupVitTrainer::Loss GroupVitTrainer::loss(const GroupVitBatch& batch, const LossRanks& ranks,
                                            const StageObserver& seen) {
  Loss found;
  const GroupedImage image = towers_.image.encoder.encode(batch.images, batch.draws, seen);
  found.image_pooled = image.features.to(at::kFloat).mean(1);  // [B, D]
  const at::Tensor tokens = batch.tokens.flatten(0, 1);        // [B·(1 + K), T]
  found.text_pooled = towers_.text.tower.encode(tokens).to(at::kFloat);
  const c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::autocast_dispatch_keyset);
  found.image_x = towers_.image.projection.forward_training(found.image_pooled, ranks);
  found.text_x = towers_.text.projection.forward_training(found.text_pooled, ranks);
  for (auto& [name, tensor] : statistics_) {
    if (name.ends_with(kCounter)) tensor.add_(1);
  }
  const at::Tensor texts =
      found.text_x.unflatten(0, {batch.tokens.size(0), batch.tokens.size(1)});  // [B, 1 + K, E]
  found.caption = infonce_loss(found.image_x, texts.select(1, 0), log_scale_, ranks);
  found.total = found.caption;
  if (texts.size(1) > 1) {
    TA_CHECK(prompt_log_scale_.defined(), "a scale of the noun prompts");
    found.prompts = noun_prompt_loss(found.image_x, texts.slice(1, 1), prompt_log_scale_, ranks);
    found.total = found.caption + found.prompts;
  }
  return found;
}

}  // namespace tagalign::model
