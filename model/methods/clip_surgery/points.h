/// Points for a promptable segmenter from a text's scores: where it is surest, and least sure.
///
/// Axes: P patches of a square, K texts of a class. Pure. Source: the authors' code.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "model/inference/dense_scorer.h"

namespace tagalign::model {

struct PointOptions {
  double threshold = 0.8;  ///< of a score brought to 0…1
  int shrink = 2;          ///< patches a cell; above 0
};

/// What the points of a text are chosen from: `side`² cells, row by row, from 0 to 1.
struct PointCells {
  std::int64_t side = 0;
  std::vector<float> scores;

  /// The middle of a cell of `image`.
  PointPrompt point(std::int64_t cell, ImageSize image, bool inside) const;
};
PointCells point_cells(const at::Tensor& scores, int shrink);

/// scores [P] → shrunk (bilinear) to cells, brought to 0…1: as many points inside as cells reach the
/// threshold, at most half of them, by ascending score, then as many outside, the lowest first. A
/// point is the middle of its cell. None for a constant map.
std::vector<PointPrompt> point_prompts(const at::Tensor& scores, ImageSize image,
                                       const PointOptions& options);

/// Of a class of several texts, [P, K]: the points outside of their mean map, then the points inside
/// of each. With one text as point_prompts().
std::vector<PointPrompt> class_point_prompts(const at::Tensor& scores, ImageSize image,
                                             const PointOptions& options);

}  // namespace tagalign::model
