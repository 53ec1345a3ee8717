/// How cosine similarities become class scores: the two protocols of TagAlign's papers, which its
/// frozen baselines share. Pure.
///
/// v1 is the paper's first version (branch main): sigmoid(10 · similarity − 2.5), share of the
/// frozen map 0.3, stride 224, background 0.4 on every data set. v3 is its third version (branch
/// dev): softmax over the classes of 30 · similarity, share 0.5, stride 56; the background differs
/// from set to set and stands in configs/benchmarks.
#pragma once

#include <optional>
#include <string>

#include "configs/schema/document/choices.h"
#include "configs/schema/document/rule.h"
#include "configs/schema/methods/preset.h"

namespace tagalign::config {

/// Decided.
struct ScoreSettings {
  bool softmax = false;  ///< softmax(scale · similarity); else sigmoid(scale · similarity + bias)
  double scale = 0.0;
  double bias = 0.0;  ///< 0 with softmax

  bool operator==(const ScoreSettings&) const = default;
};

/// What is unset follows from the protocol.
struct SimilarityScores {
  Protocol protocol = Protocol::kV1;
  std::optional<double> scale;
  std::optional<double> bias;

  bool operator==(const SimilarityScores&) const = default;

  ScoreSettings settings() const;
  EvaluationPreset preset() const;
  double clip_weight() const;  ///< share of the frozen map
  /// The same with everything set that means something.
  SimilarityScores effective() const;
  void check(const std::string& path, Findings& findings) const;
};

template <class V>
void visit_fields(V& v, SimilarityScores& c) {
  v.field("protocol", c.protocol,
          Rule("v1: sigmoid, the paper's first version; v3: softmax, its third. It also names the "
               "data set's protocols that apply"));
  v.field("scale", c.scale, Rule("factor of the similarity; unset: v1 10, v3 30").above(0));
  v.field("bias", c.bias, Rule("added to the scaled similarity; v1 only; unset: −2.5"));
}

}  // namespace tagalign::config
