#include <algorithm>
#include <initializer_list>
#include <string_view>
#include <utility>

#include "model/methods/grouping/weight_files.h"
#include "model/methods/ovsegmentor/ovsegmentor.h"

namespace tagalign::model {
namespace {

constexpr std::string_view kMoments = "optimizer.";
constexpr std::string_view kPooler = "text_encoder.transformer.pooler.";

bool starts_with_any(const std::string& name, std::initializer_list<std::string_view> prefixes) {
  return std::ranges::any_of(prefixes, [&](auto prefix) { return name.starts_with(prefix); });
}

/// GroupViT has a norm behind the patches, which this encoder has not.
bool is_ovsegmentor(const StateDict& tensors) {
  return !tensors.contains("img_encoder.patch_embed.norm.weight") &&
         !tensors.contains("text_encoder.positional_embedding") &&
         (tensors.contains("img_encoder.layers.0.group_token") ||
          tensors.contains("text_encoder.transformer.embeddings.word_embeddings.weight"));
}

/// What training alone uses: the momentum encoder, the entity head, BERT's own pooler.
bool is_for_training(const std::string& name) {
  return starts_with_any(name, {"img_encoder_momentum.", "align_proj_", "multimodal_groupingblock.",
                                "bridge_projector.", kPooler, kMoments}) ||
         name == "logit_scale_mask" || name == "text_encoder.transformer.embeddings.position_ids";
}

bool is_own(const std::string& name) {
  return is_for_training(name) || name == "logit_scale" ||
         starts_with_any(name,
                         {"img_encoder.", "text_encoder.", "img_projector.", "text_projector."});
}

/// All that predicts: what it should not hold is named when it is built.
StateDict own_tensors(const StateDict& tensors) {
  if (!is_ovsegmentor(tensors)) return {};
  StateDict own;
  for (const auto& [name, tensor] : tensors) {
    if (!is_for_training(name)) own[name] = tensor;
  }
  return own;
}

std::string naming(const StateDict&) {
  return "ovsegmentor";
}

Result<StateDict> respelled(const StateDict& own, const std::string& naming) {
  return grouping_files::respelled(own, naming, "ovsegmentor");
}

Result<WeightLayout> layout(const StateDict& own) {
  if (!is_ovsegmentor(own)) {
    return invalid_argument(
        "it holds no OVSegmentor (neither img_encoder.layers.0.group_token without a norm "
        "behind the patches nor BERT's text_encoder.transformer.embeddings)");
  }
  return grouping_files::layout(own, "ovsegmentor");
}

Result<std::string> asked(const config::TrainConfig&, const WeightLayout&) {
  return grouping_files::asked("ovsegmentor");
}

Result<TensorShapes> shapes(const StateDict& own, const config::TrainConfig*) {
  return ovsegmentor_shapes(own);
}

Result<ReferenceFile> read_reference(TorchArchive& archive) {
  return grouping_files::read_reference(archive, "ovsegmentor", own_tensors);
}

}  // namespace

const WeightNames kOvSegmentorWeights{.is_own = is_own,
                                      .own = own_tensors,
                                      .optional = {},
                                      .naming = naming,
                                      .respelled = respelled,
                                      .layout = layout,
                                      .asked = asked,
                                      .shapes = shapes,
                                      .read_reference = read_reference};

}  // namespace tagalign::model
