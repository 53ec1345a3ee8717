/// BERT's encoder (Devlin et al., 2019): post-norm blocks with LayerNorm of eps 1e-12 and the exact
/// GELU. All sizes but the number of heads are what the tensors say.
///
/// Axes: P texts, L tokens, W width. Immutable, safe from several threads.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "model/methods/grouping/layers.h"

namespace tagalign::model {

/// Sees the embeddings (0) and the hidden states after block i (i): [P, L, W].
using HiddenStateObserver = std::function<void(std::size_t number, const at::Tensor& states)>;

class BertTower {
 public:
  /// Takes the tensors below `prefix`, "text_encoder.transformer.".
  static BertTower take(TensorSource& source, const std::string& prefix, std::int64_t heads);

  /// token_ids [P, L] int64 and mask [P, L] bool (true: a token, not padding), L at most
  /// positions() → last hidden states [P, L, W]; those of [CLS] are row 0.
  at::Tensor encode(const at::Tensor& token_ids, const at::Tensor& mask,
                    const HiddenStateObserver& seen = {}) const;

  std::int64_t width() const { return words_.size(1); }
  std::int64_t vocabulary() const { return words_.size(0); }
  std::int64_t positions() const { return places_.size(0); }
  std::size_t blocks() const { return blocks_.size(); }

 private:
  struct Block {
    Linear query, key, value, output, up, down;
    LayerNormWeights attention_norm, output_norm;
  };
  static Block take_block(TensorSource& source, const std::string& name, std::int64_t width);
  at::Tensor forward(const Block& block, const at::Tensor& x, const at::Tensor& mask) const;

  std::int64_t heads_ = 1;
  at::Tensor words_, places_, types_;  // [vocabulary, W], [positions, W], [types, W]
  LayerNormWeights norm_;
  std::vector<Block> blocks_;
};

}  // namespace tagalign::model
