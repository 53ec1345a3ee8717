/// TCL's section of a training and of an evaluation (Cha et al., CVPR 2023). Pure.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "configs/schema/document/choices.h"
#include "configs/schema/document/rule.h"
#include "configs/schema/methods/preset.h"

namespace tagalign::config {

/// Which pooled feature stands for an image of another rank beside a text.
enum class TclPairing : std::uint8_t {
  kCorrect,    ///< that under the text itself: the mean over ranks is the loss of one rank
  kReference,  ///< that under the text in the same place of the image's own rank
};
/// What happens over the ranks to the gradients of the copied blocks once they train.
enum class TclBlockGradients : std::uint8_t {
  kAveraged,
  kReference,  ///< nothing, unless they train from step 0; the ranks drift apart, the first is saved
};
template <>
struct WordsOf<TclPairing> {
  static constexpr std::array<std::string_view, 2> kWords = {"correct", "reference"};
};
template <>
struct WordsOf<TclBlockGradients> {
  static constexpr std::array<std::string_view, 2> kWords = {"averaged", "reference"};
};

/// The gated decoder: each layer doubles the map's side.
struct TclDecoder {
  int layers = 2;
  bool double_convolutions = true;

  bool operator==(const TclDecoder&) const = default;
};

template <class V>
void visit_fields(V& v, TclDecoder& c) {
  v.field("layers", c.layers, Rule("layers; each doubles the side of the map").between(1, 4));
  v.field("double_convolutions", c.double_convolutions,
          Rule("two gated convolutions a layer instead of one"));
}

struct TclTraining {
  static constexpr std::string_view kName = "tcl";
  static constexpr bool kNeedsClip = true;

  TclDecoder decoder;
  int copied_blocks = 1;
  std::uint64_t blocks_from_step = 30000;
  double area_weight = 0.4;
  double area_prior = 0.4;
  double contrast_weight = 0.1;
  double smoothness_weight = 1.0;
  double temperature = 1.0;
  TclPairing pairing = TclPairing::kCorrect;
  TclBlockGradients block_gradients = TclBlockGradients::kAveraged;

  bool operator==(const TclTraining&) const = default;

  static bool needs_tags() { return false; }
  std::uint64_t late_step() const { return blocks_from_step; }
  std::string_view own_gradients_key() const {
    const bool own = block_gradients == TclBlockGradients::kReference && blocks_from_step > 0;
    return own ? "block_gradients" : "";
  }
  void check(const std::string& path, Findings& findings) const;
};

template <class V>
void visit_fields(V& v, TclTraining& c) {
  v.section("decoder", c.decoder, "what enlarges the map");
  v.field("copied_blocks", c.copied_blocks,
          Rule("last blocks of the CLIP that the masker copies and trains; the reference's "
               "ie_freeze is the number of the first")
              .between(0, 64));
  v.field("blocks_from_step", c.blocks_from_step,
          Rule("first step that trains the copied blocks, the reference's ust_steps").in("steps"));
  v.field("area_weight", c.area_weight, Rule("weight of both area losses").at_least(0));
  v.field("area_prior", c.area_prior,
          Rule("share of an image that its own text should cover").between(0, 1));
  v.field("contrast_weight", c.contrast_weight,
          Rule("weight of both contrastive losses, the reference's tcl_w").at_least(0));
  v.field("smoothness_weight", c.smoothness_weight,
          Rule("weight of both total variations, the reference's tv_w").at_least(0));
  v.field("temperature", c.temperature, Rule("of the Gumbel-sigmoid").above(0));
  v.field("pairing", c.pairing,
          Rule("pooled features of other ranks beside a text; reference repeats the defect of the "
               "official code"));
  v.field("block_gradients", c.block_gradients,
          Rule("of the copied blocks over the ranks; reference repeats the defect of the official "
               "code: they are never averaged"));
}

struct TclEvaluation {
  static constexpr std::string_view kName = "tcl";
  static constexpr bool kTrained = true;
  static constexpr bool kNeedsClip = true;

  double clip_weight = 0.3;
  double frozen_scale = 10.0;
  double frozen_threshold = 0.25;

  bool operator==(const TclEvaluation&) const = default;

  EvaluationPreset preset() const;
  static std::vector<std::string> files() { return {}; }
  /// Share of the frozen map.
  double mix() const { return clip_weight; }
  TclEvaluation effective() const { return *this; }
  void check(const std::string&, Findings&) const {}
};

template <class V>
void visit_fields(V& v, TclEvaluation& c) {
  v.field("clip_weight", c.clip_weight,
          Rule("share of the frozen map in the mix, the reference's kp_w").between(0, 1));
  v.field("frozen_scale", c.frozen_scale,
          Rule("the frozen map is sigmoid(scale · (similarity − threshold))").above(0));
  v.field("frozen_threshold", c.frozen_threshold,
          Rule("similarity that the frozen map gives one half").between(-1, 1));
}

}  // namespace tagalign::config
