/// CLIP Surgery's section of an evaluation, as its authors published it. How the last layers attend
/// is its own, whatever `clip.attention` says. Pure.
///
/// Source: the authors' code and their answers on how to segment and recognise with it. The image is
/// squashed to a square; a text has the mean of 85 prompts.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/limits.h"
#include "configs/schema/document/choices.h"
#include "configs/schema/document/rule.h"
#include "configs/schema/methods/preset.h"

namespace tagalign::config {

/// What a pixel's class is the largest of.
enum class SurgeryArgmax : std::uint8_t { kCosine, kSurgery };
/// What an image is ranked by for a class.
enum class SurgeryRanking : std::uint8_t { kSurgery, kSoftmax };

template <>
struct WordsOf<SurgeryArgmax> {
  static constexpr std::array<std::string_view, 2> kWords = {"cosine", "surgery"};
};
template <>
struct WordsOf<SurgeryRanking> {
  static constexpr std::array<std::string_view, 2> kWords = {"surgery", "softmax"};
};

struct ClipSurgeryEvaluation {
  static constexpr std::string_view kName = "clip-surgery";
  static constexpr bool kTrained = false;
  static constexpr bool kNeedsClip = true;

  SurgeryArgmax argmax = SurgeryArgmax::kCosine;
  SurgeryRanking ranking = SurgeryRanking::kSurgery;
  std::string separator = "+";
  double point_threshold = 0.8;
  int point_shrink = 2;

  bool operator==(const ClipSurgeryEvaluation&) const = default;

  /// A window that holds any image at once: the squashed square. The prompts are the 80 of ImageNet
  /// and five of a scene. There is no threshold: the authors segment the foreground alone.
  static EvaluationPreset preset() {
    return {.name = std::string(kName),
            .short_side = 512,
            .window = limits::kWholeImageWindow,
            .stride = limits::kWholeImageWindow,
            .templates = {"full", "maskclip"},
            .pixels = PixelStatistics::kClip,
            .resize = ImageResize::kSquash};
  }
  static std::vector<std::string> files() { return {}; }
  static double mix() { return 1.0; }
  ClipSurgeryEvaluation effective() const { return *this; }
  static void check(const std::string& /*path*/, Findings& /*findings*/) {}
};

template <class V>
void visit_fields(V& v, ClipSurgeryEvaluation& c) {
  v.field("argmax", c.argmax,
          Rule("a pixel's class is that of the largest cosine, or of the largest score after "
               "feature surgery, which changes the order of the classes"));
  v.field("ranking", c.ranking,
          Rule("what multilabel ranks images by: scores of the whole image after feature surgery, "
               "or the softmax over the classes of 100 · cosine"));
  v.field("separator", c.separator,
          Rule("between the texts of one class, each embedded on its own; empty: a class is one "
               "text"));
  v.field("point_threshold", c.point_threshold,
          Rule("points of save_predictions: a cell of a class's map, brought to 0…1, shows the "
               "class from here on")
              .between(0, 1)
              .keeps_numbers());
  v.field("point_shrink", c.point_shrink,
          Rule("a cell of those points is so many patches wide")
              .between(1, 64)
              .in("patches")
              .keeps_numbers());
}

}  // namespace tagalign::config
