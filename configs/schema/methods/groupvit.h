/// GroupViT's section of an evaluation (Xu et al., CVPR 2022). Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "configs/schema/document/rule.h"
#include "configs/schema/methods/preset.h"

namespace tagalign::config {

/// Both published configurations differ in their weights alone.
struct GroupVitEvaluation {
  static constexpr std::string_view kName = "groupvit";
  static constexpr bool kTrained = true;
  static constexpr bool kNeedsClip = false;

  int heads = 6;
  int kept_classes = 5;

  bool operator==(const GroupVitEvaluation&) const = default;

  /// Thresholds of the background stand in the data sets' files.
  static EvaluationPreset preset() { return {.name = std::string(kName)}; }
  static std::vector<std::string> files() { return {}; }
  /// There is no frozen map.
  static double mix() { return 0.0; }
  GroupVitEvaluation effective() const { return *this; }
  void check(const std::string&, Findings&) const {}
};

template <class V>
void visit_fields(V& v, GroupVitEvaluation& c) {
  v.field(
      "heads", c.heads,
      Rule("attention heads of the image encoder, which its weights do not tell").between(1, 64));
  v.field("kept_classes", c.kept_classes,
          Rule("a window holds at most this many classes, those closest to its mean feature")
              .between(1, 100'000));
}

}  // namespace tagalign::config
