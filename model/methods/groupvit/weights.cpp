#include <utility>

#include "model/methods/grouping/weight_files.h"
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

Result<StateDict> respelled(const StateDict& own, const std::string& naming) {
  return grouping_files::respelled(own, naming, "groupvit");
}

Result<WeightLayout> layout(const StateDict& own) {
  if (!is_groupvit(own)) {
    return invalid_argument(
        "it holds no GroupViT (neither img_encoder.patch_embed.norm nor text_encoder with "
        "text_projector)");
  }
  return grouping_files::layout(own, "groupvit");
}

Result<std::string> asked(const config::TrainConfig&, const WeightLayout&) {
  return grouping_files::asked("groupvit");
}

Result<TensorShapes> shapes(const StateDict& own, const config::TrainConfig*) {
  return groupvit_shapes(own);
}

Result<ReferenceFile> read_reference(TorchArchive& archive) {
  return grouping_files::read_reference(archive, own_tensors);
}

}  // namespace

const WeightNames kGroupVitWeights{.is_own = is_own,
                                   .own = own_tensors,
                                   .optional = {"multi_label_logit_scale"},
                                   .naming = grouping_files::naming,
                                   .respelled = respelled,
                                   .layout = layout,
                                   .asked = asked,
                                   .shapes = shapes,
                                   .read_reference = read_reference};

}  // namespace tagalign::model
