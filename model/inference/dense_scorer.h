/// What a method predicts, as the sliding window sees it.
///
/// Axes: B windows in a batch, N classes, h×w the method's own grid. Threads:
/// immutable, safe from several.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <vector>

namespace tagalign::model {

/// How cosine similarities become class scores: the reference's protocols v1 and v3.
enum class ScoreRule {
  kSigmoid,  ///< v1: σ(scale · similarity + bias); the paper's scale 10, bias −2.5
  kSoftmax,  ///< v3: softmax over the classes of scale · similarity; scale 30
};
struct ScoreOptions {
  ScoreRule rule = ScoreRule::kSigmoid;
  double scale = 10.0;
  double bias = -2.5;  ///< kSigmoid only
};

/// Scores the classes of one data set.
class DenseScorer {
 public:
  virtual ~DenseScorer() = default;
  virtual std::int64_t classes() const = 0;
  /// windows [B, 3, S, S'] normalised → one map [B, N, h, w], fp32 even under autocast, for each of
  /// `mixes`: the share of the frozen map, which a method without a mix ignores.
  virtual std::vector<at::Tensor> maps(const at::Tensor& windows,
                                       std::span<const double> mixes) const = 0;
};

}  // namespace tagalign::model
