/// What sharpens a map of scores by the image that it belongs to.
///
/// A method applies it where its source does: on a window's map, or on the whole image's. Threads:
/// immutable, safe from several.
#pragma once

#include <ATen/core/Tensor.h>

namespace tagalign::model {

class Refinement {
 public:
  virtual ~Refinement() = default;
  /// image [B, 3, H, W] normalised, scores [B, C, h, w] → [B, C, H, W] fp32: the scores are brought
  /// to the image's size first. Switch autocast off.
  virtual at::Tensor refine(const at::Tensor& image, const at::Tensor& scores) const = 0;
};

}  // namespace tagalign::model
