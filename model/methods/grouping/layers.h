/// The layers of image encoders that group their patches: GroupViT's (Xu et al., CVPR 2022), which
/// OVSegmentor's has taken over.
///
/// Axes: B images, L tokens, T group tokens, G groups, D width. Copies share their tensors.
/// Immutable, safe from several threads; gradients flow where the caller allows them.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <string>

#include "model/clip/transformer.h"
#include "model/methods/grouping/tensor_source.h"

namespace tagalign::model {

/// Sees "stage0.block1", "stage0.assign.soft" and the like while an encoder works.
using StageObserver = std::function<void(const std::string& name, const at::Tensor& value)>;

struct Linear {
  at::Tensor weight;  // [to, from]
  at::Tensor bias;    // [to]
  at::Tensor forward(const at::Tensor& x) const;
};
Linear take_linear(TensorSource& source, const std::string& name, std::int64_t to,
                   std::int64_t from);
LayerNormWeights take_norm(TensorSource& source, const std::string& name, std::int64_t width);

/// fc2(gelu(fc1 x)), with the exact GELU.
struct Mlp {
  Linear fc1, fc2;
  at::Tensor forward(const at::Tensor& x) const;
};
/// Of `name`.fc1 and .fc2; the hidden width is what the tensors say.
Mlp take_mlp(TensorSource& source, const std::string& name, std::int64_t to, std::int64_t from);

/// q [B, Q, D], k and v [B, L, D] → [B, Q, D], in `heads` parts.
at::Tensor attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                     std::int64_t heads);

/// What scales a residual branch: [B, 1, 1] in training, else undefined.
struct DropPath {
  at::Tensor attention, mlp;
};

/// x += attention(norm1 x); x += mlp(norm2 x).
struct EncoderBlock {
  std::int64_t heads = 0;
  LayerNormWeights norm1, norm2;
  Linear qkv, proj;
  Mlp mlp;
  at::Tensor forward(const at::Tensor& x, const DropPath& drop = {}) const;  // [B, L, D]
};
EncoderBlock take_block(TensorSource& source, const std::string& name, std::int64_t width,
                        std::int64_t heads);

struct CrossAttention {
  std::int64_t heads = 0;
  Linear q, k, v, proj;
  /// [B, Q, D], [B, L, D] → [B, Q, D]
  at::Tensor forward(const at::Tensor& query, const at::Tensor& tokens) const;
};
CrossAttention take_cross_attention(TensorSource& source, const std::string& name,
                                    std::int64_t width, std::int64_t heads);

/// What a grouping block made of its tokens.
struct Groups {
  at::Tensor output;  ///< [B, G, D]
  at::Tensor soft;    ///< [B, G, L], sums to 1 over the groups
};

/// Assigns every token to one of G groups and gives each group's feature.
class GroupingBlock {
 public:
  /// G and T are what the tensors below `name` say.
  static GroupingBlock take(TensorSource& source, const std::string& name, std::int64_t width,
                            std::int64_t heads);

  /// group_tokens [B, T, D], x [B, L, D]. `noise` [B, G, L] is added to the logits before the
  /// straight-through choice, as training does; undefined: none, and the choice has no gradient.
  /// `seen` gets names below `stage`.
  Groups forward(const at::Tensor& group_tokens, const at::Tensor& x, const at::Tensor& noise,
                 const StageObserver& seen, const std::string& stage) const;

 private:
  at::Tensor project_tokens(const at::Tensor& group_tokens) const;
  at::Tensor attend(const at::Tensor& projected, const at::Tensor& x) const;

  LayerNormWeights norm_tokens_, norm_post_tokens_, norm_x_, norm_new_x_;
  Mlp mlp_inter_, mlp_channels_;
  CrossAttention pre_attention_;  ///< with a post-norm residual MLP
  LayerNormWeights pre_norm2_, pre_norm_post_;
  Mlp pre_mlp_;
  CrossAttention assign_;
};

}  // namespace tagalign::model
