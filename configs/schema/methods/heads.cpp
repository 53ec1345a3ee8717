#include "configs/schema/methods/heads.h"

#include <utility>

namespace tagalign::config {
namespace {

/// What the protocols share: mmsegmentation's images, rounded statistics of CLIP, the 80 ImageNet prompts.
EvaluationPreset preset(std::string name, int short_side, int window, int stride) {
  return {.name = std::move(name),
          .short_side = short_side,
          .window = window,
          .stride = stride,
          .templates = {"full"},
          .pixels = PixelStatistics::kClipRounded};
}

/// ClearCLIP's way, in which later papers measure CLIP and MaskCLIP too; thresholds differ.
HeadDefaults clearclip_way(std::string name, HeadAttention attention, bool residual) {
  return {.settings = {.attention = attention,
                       .residual = residual,
                       .scale = 50.0,
                       .separator = ",",
                       .remainder = WindowRemainder::kPad},
          .preset = preset(std::move(name), 448, 448, 224)};
}

}  // namespace

HeadDefaults plain_head() {
  return clearclip_way("clip-head", HeadAttention::kQueryKey, true);
}

HeadDefaults maskclip_head() {
  return clearclip_way("maskclip", HeadAttention::kIdentity, true);
}

HeadDefaults clearclip_head() {
  return clearclip_way("clearclip", HeadAttention::kQuery, false);
}

HeadDefaults sclip_head() {
  return {.settings = {.attention = HeadAttention::kQueryPlusKey},
          .preset = preset("sclip", 336, 224, 112)};
}

HeadDefaults naclip_head() {
  HeadDefaults head{.settings = {.attention = HeadAttention::kKeyNeighbours,
                                 .residual = false,
                                 .straight_to_original = false},
                    .preset = preset("naclip", 336, 224, 112)};
  head.preset.refine = RefinePamr{.iterations = 10, .dilations = {8, 16}};
  return head;
}

HeadSettings HeadSettings::on(const std::string& dataset) const {
  const auto found = datasets.find(dataset);
  return found == datasets.end() ? *this : with(found->second);
}

HeadSettings HeadSettings::with(const HeadDataset& dataset) const {
  HeadSettings all = *this;
  all.scale = dataset.scale.value_or(scale);
  all.area_threshold = dataset.area_threshold.value_or(area_threshold);
  return all;
}

}  // namespace tagalign::config
