/// OVSegmentor's section of an evaluation (Xu et al., CVPR 2023). Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "configs/schema/document/rule.h"
#include "configs/schema/methods/preset.h"

namespace tagalign::config {

struct OvSegmentorEvaluation {
  static constexpr std::string_view kName = "ovsegmentor";
  static constexpr bool kTrained = true;
  static constexpr bool kNeedsClip = false;

  int heads = 8;
  int text_heads = 12;
  int kept_classes = 5;
  std::string vocabulary = "vocab.txt";
  std::string vocabulary_digest = "";

  bool operator==(const OvSegmentorEvaluation&) const = default;

  /// Thresholds of the background stand in the data sets' files.
  static EvaluationPreset preset() { return {.name = std::string(kName)}; }
  std::vector<std::string> files() const { return {vocabulary}; }
  /// There is no frozen map.
  static double mix() { return 0.0; }
  OvSegmentorEvaluation effective() const { return *this; }
  void check(const std::string&, Findings&) const {}
};

template <class V>
void visit_fields(V& v, OvSegmentorEvaluation& c) {
  v.field(
      "heads", c.heads,
      Rule("attention heads of the image encoder, which its weights do not tell").between(1, 64));
  v.field("text_heads", c.text_heads,
          Rule("attention heads of the text encoder, a BERT").between(1, 64));
  v.field("kept_classes", c.kept_classes,
          Rule("a window holds at most this many classes, those closest to its mean feature")
              .between(1, 100'000));
  v.field("vocabulary", c.vocabulary,
          Rule("vocab.txt of bert-base-uncased, a piece a line").required());
  v.field("vocabulary_digest", c.vocabulary_digest,
          Rule("its XXH3-128; another file is refused; empty: that of bert-base-uncased"));
}

}  // namespace tagalign::config
