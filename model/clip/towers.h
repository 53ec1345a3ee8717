/// CLIP's vision and text towers, of any size that the weights describe, with CLIP Surgery and the
/// last blocks of last_block.h.
///
/// Source: OpenAI CLIP; CLIP Surgery as in the TagAlign reference (TERMS.md, reference §1).
/// Axes: B images or texts, L tokens (CLS first), h×w patch grid, D tower width, E joint embedding,
/// T context. Towers own their tensors. encode() is const, runs under the caller's grad mode and is
/// safe from several threads while nobody changes the weights. LayerNorm always computes in fp32;
/// autocast of matrix work is the caller's. A tower whose weights stay as they are is faster after
/// freeze(), which ResidualBlock::freeze() describes; to() freezes anew.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "model/clip/last_block.h"
#include "model/clip/transformer.h"
#include "model/training/state_dict.h"

namespace tagalign::model {

/// Everything that the tensors of a state dict say about a CLIP.
struct ClipShape {
  std::int64_t vision_width = 0, vision_layers = 0, vision_heads = 0, patch_size = 0,
               grid = 0;  ///< grid: patches a side
  std::int64_t text_width = 0, text_layers = 0, text_heads = 0, context = 0, vocabulary = 0;
  std::int64_t embed_dim = 0;
  std::int64_t image_size() const { return grid * patch_size; }
};

/// kInvalidArgument names the tensor that is missing or has an impossible shape.
Result<ClipShape> infer_clip_shape(const StateDict& weights);

enum class VisionAttention {
  kPlain,     ///< ordinary ViT
  kSurgery,   ///< the last six blocks run the v·v path beside the original one
  kMaskClip,  ///< the last block attends only to itself
  kSclip,     ///< the last block as SCLIP has it; so the next two
  kNaclip,
  kClearClip,
};
/// "plain", "surgery", "maskclip", "sclip", "naclip", "clearclip".
Result<VisionAttention> vision_attention_from_name(const std::string& name);

/// How the positional embedding is brought to another grid than the weights' own.
enum class PositionRule {
  kBicubic,  ///< to its size, as TagAlign does
  /// Sampled for a grid 0.1 larger, and unchanged where a grid has as many patches as the own one,
  /// as SCLIP and its successors do.
  kBicubicScale,
  kBilinearSquare,  ///< of square grids alone, as CLIP Surgery does
};

/// ln_post followed by the D×E matrix: `[…, D] → […, E]`. The frozen one belongs to the image
/// encoder; a projector owns a trainable deep copy.
struct ClipProjection {
  at::Tensor ln_weight;  // [D]
  at::Tensor ln_bias;    // [D]
  at::Tensor proj;       // [D, E]
  at::Tensor forward(const at::Tensor& tokens) const;
  ClipProjection deep_copy() const;  ///< detached, fp32, without requires_grad
};

/// Sees the sequence after ln_pre (block −1) and after each block: x, and surgery's x_ori
/// (undefined on other paths).
using BlockObserver =
    std::function<void(std::int64_t block, const at::Tensor& x, const at::Tensor& x_ori)>;

class VisionTower {
 public:
  /// Reads `visual.*` (OpenAI's names); tensors are converted to fp32.
  static Result<VisionTower> create(const StateDict& weights);

  /// images [B, 3, H, W] normalised; H and W at least patch_size, a remainder below it is dropped.
  /// Returns [B, 1 + h·w, D] before ln_post and proj.
  at::Tensor encode(const at::Tensor& images, VisionAttention attention,
                    const BlockObserver& observer = {},
                    PositionRule rule = PositionRule::kBicubic) const;
  /// encode() without CLS, for who reads patches alone: [B, h·w, D]. Under surgery the last block
  /// then computes the new path's values only, neither queries and keys nor the ordinary path.
  at::Tensor encode_patches(const at::Tensor& images, VisionAttention attention,
                            PositionRule rule = PositionRule::kBicubic) const;
  /// encode() after all blocks but the last: what enters last_block().
  at::Tensor encode_before_last(const at::Tensor& images, PositionRule rule,
                                const BlockObserver& observer = {}) const;
  const ResidualBlock& last_block() const { return blocks_.back(); }
  /// Block `index` from 0.
  const ResidualBlock& block(std::int64_t index) const {
    return blocks_.at(static_cast<std::size_t>(index));
  }
  /// Of `images`; a remainder below a patch is left out.
  PatchGrid grid_of(const at::Tensor& images) const {
    return {images.size(2) / shape_.patch_size, images.size(3) / shape_.patch_size};
  }
  /// [1 + h·w, D], CLS first.
  at::Tensor positions(PatchGrid grid, PositionRule rule) const;
  /// The sequence after the first `blocks` blocks, all of them plain: [B, 1 + h·w, D].
  at::Tensor encode_first(const at::Tensor& images, std::int64_t blocks) const;
  /// Whole-image embedding as CLIP trains it: plain attention, CLS through the projection: [B, E].
  at::Tensor encode_pooled(const at::Tensor& images) const;

  const ClipShape& shape() const { return shape_; }
  const ClipProjection& projection() const { return projection_; }
  /// OpenAI's names, in their order; the tensors themselves, so pretraining can
  /// train them in place.
  Parameters parameters() const;
  void to(at::Device device);
  void freeze(const FrozenForm& form);

 private:
  struct PositionCache;
  /// The two sequences of surgery, each [B, L, D].
  struct SurgeryPaths {
    at::Tensor x, x_ori;
  };
  VisionTower() = default;
  at::Tensor resized_positions(PatchGrid grid, PositionRule rule) const;
  at::Tensor stem(const at::Tensor& images, PositionRule rule) const;
  at::Tensor encode_blocks(const at::Tensor& images, std::int64_t count, PositionRule rule,
                           const BlockObserver& observer) const;
  SurgeryPaths surgery_before_last(const at::Tensor& images, PositionRule rule,
                                   const BlockObserver& observer) const;
  at::Tensor encode_surgery(const at::Tensor& images, PositionRule rule,
                            const BlockObserver& observer) const;

  ClipShape shape_;
  Parameters tensors_;
  at::Tensor class_embedding_, positional_embedding_, conv_weight_;
  LayerNormWeights ln_pre_;
  std::vector<ResidualBlock> blocks_;
  ClipProjection projection_;
  std::shared_ptr<PositionCache> position_cache_;
  std::optional<FrozenForm> frozen_form_;
};

class TextTower {
 public:
  /// Reads token_embedding.weight, positional_embedding, text_projection, and whatever
  /// has a name that begins with transformer. or ln_final.
  static Result<TextTower> create(const StateDict& weights);

  /// token_ids [B, T] int64, zero padded, T at most context; the row at the highest id (end of
  /// text) is read out. Returns [B, E], not normalised. Costs as much as the longest text of the
  /// batch: what follows the last end of text is not computed.
  at::Tensor encode(const at::Tensor& token_ids) const;
  /// The same without the cut: the shape of all work is that of `token_ids`, T tokens a text.
  at::Tensor encode_whole(const at::Tensor& token_ids) const;
  /// The transformer's output for every position, before ln_final: [B, T, D].
  at::Tensor encode_sequence(const at::Tensor& token_ids, const BlockObserver& observer = {}) const;

  const ClipShape& shape() const { return shape_; }
  Parameters parameters() const;
  void to(at::Device device);
  void freeze(const FrozenForm& form);

 private:
  TextTower() = default;
  at::Tensor embed(const at::Tensor& token_ids) const;

  ClipShape shape_;
  Parameters tensors_;
  at::Tensor token_embedding_, positional_embedding_, text_projection_;
  LayerNormWeights ln_final_;
  std::vector<ResidualBlock> blocks_;
  std::optional<FrozenForm> frozen_form_;
};

/// Weights of a new CLIP, drawn as OpenAI's initialiser does (normal, std by width and depth), from
/// `seed` through base/random.h: the same on every machine. Includes logit_scale = ln(1/0.07).
StateDict initial_clip_weights(const ClipShape& shape, std::uint64_t seed);
/// Those of its text tower alone.
StateDict initial_text_weights(const ClipShape& shape, std::uint64_t seed);

}  // namespace tagalign::model
