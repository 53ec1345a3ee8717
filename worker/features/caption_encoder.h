/// Features of captions by a frozen text tower, each of which follows from its own tokens alone:
/// its bits are the same after whichever other captions, in whatever batch.
///
/// Axes: N captions, E joint embedding.
/// Threads  several may encode at a time, each with the same number of Torch threads.
#pragma once

#include <ATen/core/Tensor.h>

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "configs/schema/document/choices.h"
#include "model/clip/towers.h"
#include "worker/features/caption_passes.h"

namespace tagalign::jobs {

class CaptionEncoder {
 public:
  /// Borrows the tower, whose tensors are on `device`.
  CaptionEncoder(const model::TextTower& text, at::Device device, config::Precision precision);

  /// [N, E] fp32 on the device. Captions have at most the tower's context. May throw c10::Error.
  at::Tensor encode(const std::vector<TokenRow>& captions);

  std::int64_t width() const { return text_.shape().embed_dim; }
  /// All that the bits follow from beside tokens and weights: two encoders that say the
  /// same give the same.
  std::string circumstances() const;

 private:
  at::Tensor run(const std::vector<TokenRow>& captions, const CaptionPass& pass, std::size_t rows);
  std::size_t rows_of(std::int64_t length);
  bool rows_are_independent(std::int64_t length);

  const model::TextTower& text_;
  at::Device device_;
  config::Precision precision_;
  std::vector<std::int64_t> lengths_;
  std::mutex mutex_;
  std::map<std::int64_t, std::size_t> rows_;  ///< captions of a pass, by its length, once tried
};

}  // namespace tagalign::jobs
