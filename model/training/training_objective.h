/// What a method trains, as the training loop sees it.
///
/// Axes: B images of a rank's share, T tags, A attributes, E joint embedding. Threads: one.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "model/training/losses.h"
#include "model/training/state_dict.h"

namespace tagalign::model {

/// One rank's share of a step, on its device.
struct TrainingBatch {
  at::Tensor images;           ///< [B, 3, side, side] normalised
  at::Tensor tokens;           ///< [B, length] of the captions
  at::Tensor tags;             ///< [B, T] multi-hot
  at::Tensor attributes = {};  ///< [B, A] multi-hot; undefined where none are learned
  /// [B, E] fp32: what the frozen text tower makes of the captions, where the caller has it at
  /// hand. An objective that reads_text_features() then needs no tokens, which may be undefined.
  at::Tensor text = {};
  /// What draws of a step may depend on, so that they are the same on any number of ranks.
  std::uint64_t step = 0;         ///< from 0
  std::uint64_t first_image = 0;  ///< place of the first image in the batch of all ranks
};

/// What is trained, and towards what.
class TrainingObjective {
 public:
  virtual ~TrainingObjective() = default;
  /// Leaves with requires_grad, the same tensors and order at every call and on every rank.
  virtual const Parameters& parameters() const = 0;
  /// State that is no parameter, such as running statistics: the same tensors and order at every
  /// call, equal on all ranks after a step. A checkpoint holds them beside the parameters.
  virtual Parameters buffers() const { return {}; }
  /// Tokens of a text, at most: what the captions of a batch are cut to.
  virtual std::int64_t context() const = 0;
  /// True: of captions it takes in what the frozen text tower makes of them, and nothing else.
  virtual bool reads_text_features() const { return false; }
  /// Those parameters that wait. Before their first step they need no gradient.
  virtual LateParameters late() const { return {}; }
  struct Loss {
    at::Tensor total;                                       // []
    std::vector<std::pair<std::string, at::Tensor>> parts;  // for the log
  };
  /// Sees the other ranks through `ranks` alone. The caller may have enabled autocast; what must
  /// stay fp32 switches it off for itself. May throw c10::Error.
  virtual Loss loss(const TrainingBatch& batch, const LossRanks& ranks) = 0;
};

}  // namespace tagalign::model
