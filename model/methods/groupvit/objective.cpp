#include <ATen/core/Tensor.h>

#include <memory>
#include <utility>
#include <variant>

#include "base/format.h"
#include "configs/schema/methods/template_sets.h"
#include "model/methods/groupvit/draws.h"
#include "model/methods/groupvit/groupvit.h"
#include "model/methods/groupvit/noun_prompts.h"
#include "model/methods/groupvit/shape.h"
#include "model/methods/groupvit/training.h"

namespace tagalign::model {
namespace {

constexpr std::int64_t kContext = 77;

class GroupVitObjective final : public TrainingObjective {
 public:
  GroupVitObjective(GroupVitTrainer trainer, DrawPlan plan, NounPrompts prompts)
      : trainer_(std::move(trainer)), plan_(std::move(plan)), prompts_(std::move(prompts)) {
    for (const auto& [name, tensor] : trainer_.statistics()) buffers_.push_back({name, tensor});
  }

  const Parameters& parameters() const override { return trainer_.parameters(); }
  Parameters buffers() const override { return buffers_; }
  std::int64_t context() const override { return kContext; }

  Loss loss(const TrainingBatch& batch, const LossRanks& ranks) override {
    const at::Device device = batch.images.device();
    const auto found = trainer_.loss(
        {.images = batch.images, .tokens = prompts_.tokens(batch), .draws = draws(batch, device)},
        ranks);
    Loss loss{.total = found.total, .parts = {{"caption", found.caption.detach()}}};
    if (found.prompts.defined()) loss.parts.emplace_back("prompts", found.prompts.detach());
    return loss;
  }

 private:
  EncoderDraws draws(const TrainingBatch& batch, at::Device device) const {
    EncoderDraws draws = philox_draws(
        plan_, {.step = batch.step, .first = batch.first_image, .count = batch.images.size(0)});
    for (at::Tensor& noise : draws.noise) noise = noise.to(device);
    for (DropPath& drop : draws.drops) {
      if (drop.attention.defined()) drop.attention = drop.attention.to(device);
      if (drop.mlp.defined()) drop.mlp = drop.mlp.to(device);
    }
    return draws;
  }

  GroupVitTrainer trainer_;
  DrawPlan plan_;
  NounPrompts prompts_;
  Parameters buffers_;
};

DrawPlan draw_plan(const GroupVitShape& shape, std::uint64_t seed) {
  DrawPlan plan{.seed = seed, .assignments = {}, .blocks = 0, .drop_path = shape.config.drop_path};
  const std::int64_t side = shape.image_size / shape.config.image.patch_size;
  std::int64_t tokens = side * side;
  for (const int groups : shape.config.image.groups) {
    plan.assignments.emplace_back(groups, tokens);
    tokens = groups;
  }
  for (const int depth : shape.config.image.depths) plan.blocks += depth;
  return plan;
}

Status check_data(const config::TrainConfig& config) {
  const int patch = std::get<config::GroupVitTraining>(config.method).image.patch_size;
  if (config.data.image_size % patch != 0) {
    return invalid_argument(
        format("data.image_size: expected a multiple of method.image.patch_size ({}), found {}",
               patch, config.data.image_size));
  }
  if (config.global_batch > 1) return ok_status();
  return invalid_argument(
      "global_batch: expected at least 2, whose statistics the projectors are normalised by, "
      "found 1");
}

}  // namespace

Result<std::unique_ptr<TrainingObjective>> groupvit_objective(const config::TrainConfig& config,
                                                              const Materials& materials,
                                                              const TagNames& tags) {
  TA_RETURN_IF_ERROR(check_data(config));
  const auto& method = std::get<config::GroupVitTraining>(config.method);
  const GroupVitShape shape{.config = method, .image_size = config.data.image_size};
  const std::uint64_t seed = config.runtime.seed;
  TA_ASSIGN_OR_RETURN(auto trainer, GroupVitTrainer::create(initial_groupvit_weights(shape, seed),
                                                            method.image.heads, materials.device));
  NounPrompts prompts({.tokenizer = materials.tokenizer,
                       .words = tags.objects,
                       .templates = config::expand_templates(method.prompt_templates),
                       .count = method.noun_prompts,
                       .context = kContext,
                       .seed = seed});
  return std::unique_ptr<TrainingObjective>(std::make_unique<GroupVitObjective>(
      std::move(trainer), draw_plan(shape, seed), std::move(prompts)));
}

}  // namespace tagalign::model
