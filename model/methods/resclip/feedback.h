/// What ResCLIP feeds back from its first answer: which patches show the same thing.
///
/// Source: ResCLIP (Yang et al., CVPR 2025), semantic feedback refinement, as its authors' code
/// computes it. Both functions count on the CPU, so that every device gives the same, and are safe
/// from several threads. Axes: Q queries, H×W pixels of a window, h×w its patches, P = h·w.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace tagalign::model {

/// shares [Q, H, W] of each pixel, in patches of `patch`×`patch` pixels → the query that most
/// pixels of a patch show, the smallest of equals: [h, w] int64 on the CPU. A pixel whose largest
/// share is below `threshold` shows query 0. What is beyond the last whole patch is left out.
at::Tensor patch_queries(const at::Tensor& shares, std::int64_t patch, double threshold);

struct FeedbackRule {
  double gaussian_std = 5.0;  ///< of the smoothing along a row, in patches; above 0
  /// Two patches of one query with another on the straight way between them weigh exp(−d/d') of
  /// their Chebyshev distance d and the largest d' of the grid, not 1.
  bool delete_same_entity = true;
};

/// queries [h, w] int64 on the CPU → how much patch j shows what patch i shows: [1 + P, 1 + P]
/// fp32 on the CPU, in row-by-row order behind CLS, whose row and column are 0. Other rows add up
/// to 1, but for rounding.
/// The way between patches is looked at where the authors look: at each of the first d + 1 of the
/// d' + 1 points that divide it evenly.
at::Tensor feedback_matrix(const at::Tensor& queries, const FeedbackRule& rule);

}  // namespace tagalign::model
