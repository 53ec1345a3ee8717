/// Pixel-adaptive mask refinement: a pixel's scores move towards those of neighbours like it.
///
/// Source: PAMR (Araslanov and Roth, CVPR 2020) as TCL, SCLIP and NACLIP use it. Axes: B images, K
/// colours, C channels, H×W pixels. Memory, beside the images: 8 planes a dilation for the weights
/// and two copies of the scores, whatever C is.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "model/inference/refinement.h"

namespace tagalign::model {

struct PamrOptions {
  int iterations = 10;
  std::vector<std::int64_t> dilations = {1, 2, 4, 8, 12, 24};  ///< pixels, each at least 1
};

/// Unbiased standard deviation of each colour over the 3×3 neighbourhoods of all dilations, the
/// centre once a dilation: [B, K, H, W].
at::Tensor pamr_deviation(const at::Tensor& image, const PamrOptions& options);

/// Weights of a pixel's neighbours, row by row for each dilation, their sum 1: [B, 8·dilations, H,
/// W]. Coordinates beyond the border are clamped to it.
at::Tensor pamr_affinity(const at::Tensor& image, const PamrOptions& options);

class Pamr final : public Refinement {
 public:
  explicit Pamr(PamrOptions options) : options_(std::move(options)) {}
  /// Resizes the scores (bilinear, corners aligned).
  at::Tensor refine(const at::Tensor& image, const at::Tensor& scores) const override;

 private:
  PamrOptions options_;
};

}  // namespace tagalign::model
