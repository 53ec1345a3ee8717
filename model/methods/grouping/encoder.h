/// The image encoder of GroupViT and OVSegmentor: a vision transformer whose stages end in grouping
/// blocks. How many stages, blocks, tokens and groups there are is what the tensors say; the number
/// of heads is not in them.
///
/// Axes: B images, h×w patches, L = h·w, T group tokens, G groups, D width. Immutable and
/// safe from several threads.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/methods/grouping/layers.h"

namespace tagalign::model {

/// An image after its last stage.
struct GroupedImage {
  at::Tensor features;                 ///< [B, G, D] of the last stage, after the norm
  std::vector<at::Tensor> softs;       ///< of stage s [B, G_s, G_(s−1)], with G_(−1) = L
  std::int64_t height = 0, width = 0;  ///< of the patch grid

  /// Share of each patch in the groups of `stage`: [B, G_s, h, w].
  at::Tensor membership(std::size_t stage) const;
};

/// What training draws anew in every step; empty in evaluation.
struct EncoderDraws {
  std::vector<at::Tensor> noise;  ///< a grouping block: Gumbel noise [B, G, L]
  std::vector<DropPath> drops;    ///< a block of the whole encoder
};

class GroupingEncoder {
 public:
  /// Takes all tensors below `prefix`, "img_encoder.". What does not fit is said by the source.
  static GroupingEncoder take(TensorSource& source, const std::string& prefix, std::int64_t heads);

  /// images [B, 3, H, W] normalised; a remainder below a patch is dropped. The position table is
  /// resized where the grid is not its own.
  GroupedImage encode(const at::Tensor& images, const EncoderDraws& draws = {},
                      const StageObserver& seen = {}) const;

  std::int64_t width() const { return width_; }
  std::int64_t patch() const { return patch_; }
  std::size_t groupings() const;
  std::size_t blocks() const;
  /// "stages of 6, 3, 3 blocks, width 384"
  std::string describe() const;

 private:
  struct Stage {
    std::vector<EncoderBlock> blocks;
    at::Tensor group_token;                      ///< [1, T, D]; undefined in a stage without them
    std::optional<LayerNormWeights> token_norm;  ///< of the earlier stage's tokens
    std::optional<Mlp> token_mlp;                ///< over the token axis
    std::optional<GroupingBlock> grouping;
  };
  static Stage take_stage(TensorSource& source, const std::string& name, std::int64_t width,
                          std::int64_t heads);
  void take_positions(TensorSource& source, const std::string& name);
  std::int64_t table_side() const;
  at::Tensor embed(const at::Tensor& images, GroupedImage& image, const StageObserver& seen) const;
  at::Tensor positions(std::int64_t height, std::int64_t width) const;
  static at::Tensor first_tokens(const Stage& stage, const at::Tensor& earlier, std::int64_t batch,
                                 const StageObserver& seen, const std::string& name);

  std::int64_t width_ = 0, patch_ = 0;
  Linear patch_embed_;  ///< weight [D, 3, patch, patch]
  std::optional<LayerNormWeights> patch_norm_;
  at::Tensor pos_embed_;  // [1, L, D]
  std::vector<Stage> stages_;
  LayerNormWeights norm_;
};

}  // namespace tagalign::model
