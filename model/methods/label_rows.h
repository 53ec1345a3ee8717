/// Embeddings of the labels that a training learns by, and who may have them already.
///
/// Thousands of labels cost a frozen text tower longer than all else that a start does. A method says
/// how to make the rows and what they follow from; whether other ranks make some of them, or an
/// earlier start made all, is the store's affair.
/// Axes: N labels, E joint embedding.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>

#include "base/checksum.h"
#include "base/status.h"

namespace tagalign::model {

/// A fixed [N, E] fp32 that frozen weights make of texts, in blocks of rows. The bits of a block
/// follow from its own texts alone: they are the same whoever makes it, after whichever other.
struct LabelRows {
  std::int64_t count = 0;  ///< N
  std::int64_t width = 0;  ///< E
  std::int64_t block = 0;  ///< rows a block; the last one may have fewer
  Digest128 texts;         ///< of all that enters the frozen weights, in its order
  std::function<at::Tensor(std::int64_t index)> make;  ///< one block; may throw c10::Error
};

class LabelStore {
 public:
  virtual ~LabelStore() = default;
  /// All rows, on the device of the frozen weights. Where there are ranks it is collective and gives
  /// the same bits to all; kUnavailable when they ask for different ones.
  virtual Result<at::Tensor> rows(const LabelRows& rows) = 0;
};

}  // namespace tagalign::model
