/// The frozen baseline's section of an evaluation: CLIP as it is, scored as TagAlign's papers score
/// it. How its last layers attend is `clip.attention`. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "configs/schema/methods/similarity_scores.h"

namespace tagalign::config {

struct ClipEvaluation {
  static constexpr std::string_view kName = "clip";
  static constexpr bool kTrained = false;
  static constexpr bool kNeedsClip = true;

  SimilarityScores scores;

  bool operator==(const ClipEvaluation&) const = default;

  EvaluationPreset preset() const { return scores.preset(); }
  static std::vector<std::string> files() { return {}; }
  /// All of the map is the frozen one.
  static double mix() { return 1.0; }
  ClipEvaluation effective() const { return {.scores = scores.effective()}; }
  void check(const std::string& path, Findings& findings) const { scores.check(path, findings); }
};

template <class V>
void visit_fields(V& v, ClipEvaluation& c) {
  visit_fields(v, c.scores);
}

}  // namespace tagalign::config
