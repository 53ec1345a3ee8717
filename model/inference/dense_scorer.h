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
