#include <utility>

#include "base/format.h"
#include "model/files/torch_archive.h"
#include "model/methods/groupvit/groupvit.h"

namespace tagalign::model {
namespace {

constexpr std::string_view kMoments = "optimizer.";

/// What no other model with groups has: a norm behind the patches, and CLIP's text tower.
bool is_groupvit(const StateDict& tensors) {
  return tensors.contains("img_encoder.patch_embed.norm.weight") ||
         (tensors.contains("text_encoder.positional_embedding") &&
          tensors.contains("text_projector.linear_out.weight"));
}

bool is_own(const std::string& name) {
  for (const std::string_view prefix :
       {"img_encoder.", "text_encoder.", "img_projector.", "text_projector."}) {
    if (name.starts_with(prefix)) return true;
  }
  return name == "logit_scale" || name == "multi_label_logit_scale";
}

/// All tensors of a GroupViT: what it should not hold is named when it is built.
StateDict own_tensors(const StateDict& tensors) {
  if (!is_groupvit(tensors)) return {};
  StateDict own;
  for (const auto& [name, tensor] : tensors) {
    if (!name.starts_with(kMoments)) own[name] = tensor;
  }
  return own;
}

std::string naming(const StateDict&) {
  return "main";
}

Result<StateDict> respelled(const StateDict& own, const std::string& naming) {
  if (naming == "main") return own;
  return invalid_argument(format("naming '{}' is not known to groupvit: expected main", naming));
}

Result<WeightLayout> layout(const StateDict& own) {
  if (!is_groupvit(own)) {
    return invalid_argument(
        "it holds no GroupViT (neither img_encoder.patch_embed.norm nor text_encoder with "
        "text_projector)");
  }
  TensorSource source(own, at::kCPU);
  const auto encoder = GroupingEncoder::take(source, "img_encoder.", /*heads=*/1);
  const auto projection = GroupProjection::take(source, "img_projector.", encoder.width());
  return WeightLayout{.architecture = format("groupvit, {}", encoder.describe()),
                      .width = encoder.width(),
                      .embedding = projection.embedding()};
}

Result<std::string> asked(const config::TrainConfig&, const WeightLayout&) {
  return unsupported("groupvit is evaluated from the weights of its authors, not trained");
}

Result<TensorShapes> shapes(const StateDict& own, const config::TrainConfig*) {
  return groupvit_shapes(own);
}

Result<ReferenceFile> read_reference(TorchArchive& archive) {
  TA_ASSIGN_OR_RETURN(const StateDict tensors, read_weights(archive));
  return ReferenceFile{.tensors = own_tensors(tensors),
                       .naming = "main",
                       .steps_done = std::nullopt,
                       .schedule_position = std::nullopt,
                       .next_lr = std::nullopt,
                       .moments = std::nullopt};
}

}  // namespace

const WeightNames kGroupVitWeights{.is_own = is_own,
                                   .own = own_tensors,
                                   .optional = {"multi_label_logit_scale"},
                                   .naming = naming,
                                   .respelled = respelled,
                                   .layout = layout,
                                   .asked = asked,
                                   .shapes = shapes,
                                   .read_reference = read_reference};

}  // namespace tagalign::model
