/// ProxyCLIP's section of an evaluation (Lan et al., ECCV 2024): the heads' protocol, and the second
/// encoder that says which patches belong together. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "configs/schema/document/rule.h"
#include "configs/schema/methods/heads.h"
#include "configs/schema/methods/preset.h"

namespace tagalign::config {

struct ProxyClipEvaluation {
  static constexpr std::string_view kName = "proxyclip";
  static constexpr bool kTrained = false;
  static constexpr bool kNeedsClip = true;

  std::string dino = "";
  int dino_heads = 12;
  double beta = 1.2;
  double gamma = 3.0;
  int multiple = 56;
  /// Its last block is fixed: the keys of the protocol alone are this section's.
  HeadSettings settings = {
      .residual = false, .separator = "; ", .remainder = WindowRemainder::kPad};

  bool operator==(const ProxyClipEvaluation&) const = default;

  /// Thresholds of the background stand in the data sets' files.
  static EvaluationPreset preset() {
    return {.name = std::string(kName),
            .short_side = 336,
            .window = 336,
            .stride = 112,
            .templates = {"full"},
            .pixels = PixelStatistics::kClipRounded};
  }
  std::vector<std::string> files() const { return {dino}; }
  static double mix() { return 1.0; }
  ProxyClipEvaluation effective() const { return *this; }
  void check(const std::string& path, Findings& findings) const {
    if (dino.empty())
      findings.push_back({path + ".dino",
                          "expected the weights of a DINO ViT, found none: name a file such as "
                          "dino_vitbase8_pretrain.pth"});
  }
};

template <class V>
void visit_fields(V& v, ProxyClipEvaluation& c) {
  v.field("dino", c.dino,
          Rule("weights of a DINO ViT, as its authors name them; safetensors or .pth"));
  v.field("dino_heads", c.dino_heads,
          Rule("its attention heads, which the weights do not tell: 6 of ViT-S, 12 of ViT-B")
              .between(1, 64));
  v.field(
      "beta", c.beta,
      Rule("a pair of patches counts when its cosine is above this share of the mean").above(0));
  v.field("gamma", c.gamma, Rule("factor of what is above it, before the softmax").above(0));
  v.field("multiple", c.multiple,
          Rule("windows are padded with zeros around them to a multiple of this; of the patch of "
               "DINO too")
              .between(1, 4096)
              .in("pixels"));
  visit_protocol(v, c.settings);
}

}  // namespace tagalign::config
