/// From the maps of an image's windows to a label for each pixel, without a map of the image's size:
/// what predict_labels() says of the scores of Segmenter::sweep_scores(), row by row.
///
/// Two scores that differ by less than kTieMargin may have the same softmax, whose rounding makes
/// ties: such a pixel's column of scores goes through LibTorch's own softmax, so that ties fall as
/// they do there. On CPUs only. Threads: a pure function.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "model/inference/dense/placed_maps.h"
#include "model/inference/dense_scorer.h"

namespace tagalign::model {

/// Far more than the errors of a softmax's exponentials, relative to the largest.
inline constexpr float kTieMargin = 1e-5F;

struct DenseLabelOptions {
  DenseSizes sizes;
  LabelRule rule = LabelRule::kSoftmax;
  std::vector<double> backgrounds = {};  ///< scores of a constant channel in front of the maps'
  bool highest = false;                  ///< DenseLabels::highest is wanted
};

struct DenseLabels {
  std::vector<std::uint16_t> labels;  ///< [H·W] at the original size
  std::vector<float> highest = {};    ///< of each channel over all pixels, the constant one first
};

/// One for each background, or one where there is none.
std::vector<DenseLabels> label_pixels(std::span<const PlacedMap> windows,
                                      const DenseLabelOptions& options);

/// What label_pixels() holds at once beside its result, in bytes.
std::uint64_t dense_label_bytes(std::int64_t channels, const DenseSizes& sizes);

}  // namespace tagalign::model
