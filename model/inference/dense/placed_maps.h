/// The maps of an image's windows as score_rows.h takes them.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <vector>

#include "model/inference/dense/score_rows.h"
#include "model/inference/dense_scorer.h"

namespace tagalign::model {

/// A window's map and where it lies in the slid image.
struct PlacedMap {
  std::int64_t top = 0, left = 0, height = 0, width = 0;
  const ScoreMap* map = nullptr;  ///< [1, C, h, w]
};

/// Sizes of an image and of what is made of it.
struct DenseSizes {
  ImageSize slid;      ///< the image as the windows were cut from it
  ImageSize original;  ///< of the labels
};

/// Owns copies of the maps, channels innermost.
class PlacedGrids {
 public:
  explicit PlacedGrids(std::span<const PlacedMap> windows);

  std::int64_t channels() const { return channels_; }
  ScoreRows rows(const DenseSizes& sizes) const;

 private:
  std::int64_t channels_;
  std::vector<at::Tensor> held_;
  std::vector<WindowGrid> grids_;
};

/// Scores that are the same in every map, one for each of `values`, averaged and resized like any
/// other channel of them.
class ConstantRows {
 public:
  ConstantRows(std::span<const PlacedMap> windows, const DenseSizes& sizes,
               std::span<const double> values);

  /// As ScoreRows::row(), a channel for each value, in the order of additions of a map of one.
  RowPair row(std::int64_t y);
  std::int64_t padded() const { return std::ssize(values_); }

 private:
  ImageSize original_;
  std::vector<float> values_;
  ScoreRows rows_;
};

}  // namespace tagalign::model
