/// DINO's vision transformer: a self-supervised encoder whose patches tell which belong together.
///
/// Source: DINO (Caron et al., ICCV 2021), of its authors' tensor names. Immutable, safe from
/// several threads. Axes: B images, h×w patch grid, P = h·w, L = 1 + P tokens (CLS first), D width,
/// p pixels a side of a patch.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "base/status.h"
#include "model/clip/last_block.h"
#include "model/training/state_dict.h"

namespace tagalign::model {

class DinoTower {
 public:
  /// Copies `weights` to `device` as fp32: a state dict of the authors' names, of a teacher or
  /// student too, whose training head is left out. The weights do not tell the number of `heads`.
  /// kInvalidArgument says what was expected and found.
  static Result<DinoTower> create(const StateDict& weights, std::int64_t heads, at::Device device);

  /// images [B, 3, h·p, w·p] normalised with ImageNet's statistics → patch tokens after the final
  /// LayerNorm: [B, P, D].
  at::Tensor encode(const at::Tensor& images) const;
  PatchGrid grid_of(const at::Tensor& images) const {
    return {images.size(2) / patch_size(), images.size(3) / patch_size()};
  }
  /// [1, L, D]: bicubic, sampled for a grid 0.1 larger; unchanged on the weights' own.
  at::Tensor positions(PatchGrid grid) const;
  std::int64_t patch_size() const { return patch_weight_.size(2); }
  std::int64_t width() const { return patch_weight_.size(0); }

 private:
  struct Norm {
    at::Tensor weight, bias;  // [D]
    at::Tensor forward(const at::Tensor& x) const;
  };
  struct Linear {
    at::Tensor weight, bias;  // [out, in], [out]
    at::Tensor forward(const at::Tensor& x) const;
  };
  struct Block {
    Norm norm1, norm2;
    Linear qkv, proj, fc1, fc2;
    at::Tensor forward(const at::Tensor& x, std::int64_t heads) const;
  };
  class Taking;

  DinoTower() = default;
  at::Tensor stem(const at::Tensor& images) const;

  std::int64_t heads_ = 0;
  std::int64_t grid_ = 0;     // patches a side of the weights' own image size
  at::Tensor patch_weight_;   // [D, 3, p, p]
  at::Tensor patch_bias_;     // [D]
  at::Tensor class_token_;    // [1, 1, D]
  at::Tensor position_rows_;  // [1, 1 + grid², D]
  std::vector<Block> blocks_;
  Norm norm_;
};

}  // namespace tagalign::model
