/// Scores of some rows of pixels at a time, as tensors, for what a method makes of them.
///
/// Bits: those of Segmenter::sweep_scores() in those rows. On CPUs only. Threads: a pure function.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <span>

#include "model/inference/dense/placed_maps.h"

namespace tagalign::model {

/// Rows `first` and following of the original size: scores [C, rows, W], and the constant channel of
/// each background [1, rows, W].
struct ScoreStripe {
  std::int64_t first = 0;
  at::Tensor scores;
  std::vector<at::Tensor> constants;
};
using StripeVisitor = std::function<void(const ScoreStripe& stripe)>;

/// From top to bottom; a stripe takes some megabytes.
void each_stripe(std::span<const PlacedMap> windows, const DenseSizes& sizes,
                 std::span<const double> backgrounds, const StripeVisitor& visit);

/// What each_stripe() holds at once, in bytes.
std::uint64_t stripe_bytes(std::int64_t channels, const DenseSizes& sizes);

}  // namespace tagalign::model
