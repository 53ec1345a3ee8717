/// TCL's trained part: what turns frozen features into an image embedding at four times CLIP's
/// resolution, and its similarity with a text into a mask.
///
/// Source: TCL (Cha et al., CVPR 2023). Axes: B images, L tokens (CLS first), h×w CLIP's grid, D
/// vision width, E joint embedding, N texts, H'×W' the masker's grid: each decoder layer doubles a
/// side. fp32 parameters; forward under the caller's grad mode.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"
#include "model/clip/towers.h"
#include "model/methods/tagalign/projector_layers.h"
#include "model/training/state_dict.h"

namespace tagalign::model {

struct MaskerShape {
  int layers = 2;
  bool double_convolutions = true;
  /// The first block of CLIP that the masker owns a copy of; CLIP's number of blocks: none.
  std::int64_t first_block = 0;
  std::int64_t width = 0;      ///< D
  std::int64_t embedding = 0;  ///< E
};

class Masker {
 public:
  /// Fresh: blocks, ln_post and the projection are copies of CLIP's, gates 0, w 10 and b −2.5.
  Masker(const MaskerShape& shape, const VisionTower& frozen, std::uint64_t seed);

  /// What it reads of an image, by the frozen tower: [B, L, D]. The last block of the tower, where
  /// the masker does not own it, attends to itself alone.
  at::Tensor frozen_tokens(const VisionTower& frozen, const at::Tensor& images) const;
  /// tokens [B, L, D] → image embedding [B, E, H', W'], not normalised.
  at::Tensor embed(const at::Tensor& tokens, Grid grid) const;
  /// map [B, E, H', W'], text [N, E] → cosines [B, N, H', W']; switch autocast off.
  static at::Tensor similarity(const at::Tensor& map, const at::Tensor& text);
  /// w · similarity + b, whose sigmoid is the soft mask.
  at::Tensor logits(const at::Tensor& similarity) const;

  /// The official names, in their order: copied blocks, decoder, projection, w and b.
  const Parameters& parameters() const { return list_.all(); }
  bool is_copied_block(const std::string& name) const;
  const MaskerShape& shape() const { return shape_; }
  void to(at::Device device);

 private:
  void copy_blocks(const VisionTower& frozen);
  void add_decoder();

  MaskerShape shape_;
  ParameterList list_;
  std::vector<ResidualBlock> blocks_;
  std::vector<std::vector<GatedConv>> layers_;
  ClipProjection projection_;
  at::Tensor scale_, bias_;  // []
};

/// As the tensors say: names of copied blocks, decoder layers, the projection's shape.
/// kInvalidArgument when there is no masker among them.
Result<MaskerShape> masker_shape_of(const StateDict& tensors, std::int64_t clip_blocks);

/// Overwrites the parameters. The message names what is missing, unexpected below masker.* or of
/// another shape; nothing is changed then.
Status load_masker(Masker& masker, const StateDict& weights);

}  // namespace tagalign::model
