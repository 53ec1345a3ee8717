#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/embedding.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/matmul.h>

#include "base/format.h"
#include "model/clip/towers.h"
#include "model/clip/weights.h"

namespace tagalign::model {

Result<TextTower> TextTower::create(const StateDict& weights) {
  TextTower tower;
  TA_RETURN_IF_ERROR(infer_text_shape(weights, tower.shape_));
  TA_ASSIGN_OR_RETURN(tower.tensors_, copy_tensors(weights, text_tensor_specs(tower.shape_)));
  const StateDict named = by_name(tower.tensors_);
  tower.token_embedding_ = named.at("token_embedding.weight");
  tower.positional_embedding_ = named.at("positional_embedding");
  tower.text_projection_ = named.at("text_projection");
  tower.ln_final_ = {named.at("ln_final.weight"), named.at("ln_final.bias")};
  tower.blocks_ =
      find_blocks(named, "transformer.", tower.shape_.text_layers, tower.shape_.text_heads);
  return tower;
}

at::Tensor TextTower::embed(const at::Tensor& token_ids) const {
  TA_CHECK(token_ids.dim() == 2 && token_ids.size(1) > 0 && token_ids.size(1) <= shape_.context,
           "token ids must be [B, T] with T at most the context length");
  return at::embedding(token_embedding_, token_ids) +
         positional_embedding_.slice(0, 0, token_ids.size(1));
}

at::Tensor TextTower::encode_sequence(const at::Tensor& token_ids,
                                      const BlockObserver& observer) const {
  at::Tensor x = embed(token_ids);  // [B, T, D]
  for (std::size_t i = 0; i < blocks_.size(); ++i) {
    x = blocks_[i].forward(x, /*causal=*/true);
    if (observer) observer(static_cast<std::int64_t>(i), x, {});
  }
  return x;
}

// Tokens after the end of text cannot reach it through the causal mask: the batch is cut there.
at::Tensor TextTower::encode(const at::Tensor& token_ids) const {
  if (token_ids.size(0) == 0) return at::empty({0, shape_.embed_dim}, text_projection_.options());
  const std::int64_t length = token_ids.argmax(1).max().item<std::int64_t>() + 1;
  return encode_whole(token_ids.slice(1, 0, length));
}

// The last block is read at one row only.
at::Tensor TextTower::encode_whole(const at::Tensor& token_ids) const {
  const at::Tensor end = token_ids.argmax(1);  // [B]
  const std::int64_t length = token_ids.size(1);
  at::Tensor x = embed(token_ids);  // [B, L, D]
  for (std::size_t i = 0; i + 1 < blocks_.size(); ++i) x = blocks_[i].forward(x, /*causal=*/true);
  const at::Tensor reachable = at::arange(length, end.options()) <= end.view({-1, 1, 1, 1});
  const at::Tensor row = blocks_.back().forward_row(x, end, reachable).squeeze(1);  // [B, D]
  return at::matmul(ln_final_.forward(row), text_projection_);
}

Parameters TextTower::parameters() const {
  return tensors_;
}

void TextTower::to(at::Device device) {
  move_tensors(tensors_, device);
  if (frozen_form_) freeze(*frozen_form_);
}

void TextTower::freeze(const FrozenForm& form) {
  for (ResidualBlock& block : blocks_) block.freeze(form);
  frozen_form_ = form;
}

}  // namespace tagalign::model
