#include "configs/schema/methods/heads.h"

#include <utility>

namespace tagalign::config {
namespace {

/// What the protocols share: mmsegmentation's images, CLIP's statistics, the 80 ImageNet prompts.
EvaluationPreset preset(std::string name, int short_side, int window, int stride) {
  return {.name = std::move(name),
          .short_side = short_side,
          .window = window,
          .stride = stride,
          .templates = {"full"},
          .pixels = PixelStatistics::kClip};
}

/// ClearCLIP's protocol, which the rows of CLIP and MaskCLIP in later papers use too.
HeadDefaults clearclip_protocol(HeadAttention attention, bool residual, double scale) {
  return {.settings = {.attention = attention,
                       .residual = residual,
                       .scale = scale,
                       .separator = ",",
                       .remainder = WindowRemainder::kPad},
          .preset = preset("clearclip", 448, 448, 224)};
}

constexpr double kClearClipScale = 50.0;

}  // namespace

HeadDefaults plain_head() {
  return clearclip_protocol(HeadAttention::kQueryKey, true, kClearClipScale);
}

HeadDefaults maskclip_head() {
  return clearclip_protocol(HeadAttention::kIdentity, true, kClearClipScale);
}

HeadDefaults clearclip_head() {
  return clearclip_protocol(HeadAttention::kQuery, false, kClearClipScale);
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
  HeadSettings all = *this;
  const auto found = datasets.find(dataset);
  if (found == datasets.end()) return all;
  all.scale = found->second.scale.value_or(scale);
  all.area_threshold = found->second.area_threshold.value_or(area_threshold);
  return all;
}

}  // namespace tagalign::config
