/// From image features to label maps: the reference's inference protocols (reference §4), and exact integer counts.
///
/// Axes: N classes, E joint embedding, B windows in a batch, h×w patch grid, S window side, H×W an image.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/status.h"
#include "model/clip/tokenizer.h"
#include "model/clip/towers.h"
#include "model/projector.h"

namespace tagalign::model {

struct SegmentationOptions {
  VisionAttention attention = VisionAttention::kSurgery;
  double scale = 10.0;             ///< v1: mask = σ(scale · similarity + bias)
  double bias = -2.5;
  double clip_weight = 0.3;        ///< share of the frozen map; 1 or no projector: the frozen map alone
  bool background = false;         ///< a constant channel `background_threshold` before the classes
  double background_threshold = 0.4;
  int window = 448;
  int stride = 224;
  int batch_windows = 16;          ///< never changes a result
};

/// Mean over templates of the text embeddings ("{}" is replaced by the class name), before any normalisation: [N, E].
at::Tensor class_embeddings(const TextTower& text, const Tokenizer& tokenizer, const std::vector<std::string>& classes,
                            const std::vector<std::string>& templates);

/// Top-left corners of the sliding windows in row-major order; the last one of each axis is shifted inward; an image smaller
/// than the window gives one window of the image's size on that axis.
struct Window { std::int64_t y = 0, x = 0, height = 0, width = 0; };
std::vector<Window> sliding_windows(std::int64_t height, std::int64_t width, int window, int stride);

class Segmenter {
 public:
  /// Borrows tower and projector (nullptr: frozen baseline); `text` [N, E] without the background class.
  Segmenter(const VisionTower& vision, const Projector* projector, at::Tensor text, SegmentationOptions options);

  /// windows [B, 3, S, S'] normalised → masks [B, N(+1), S, S'].
  at::Tensor window_masks(const at::Tensor& windows) const;
  /// image [3, H, W] normalised → scores averaged over windows [N(+1), H, W].
  at::Tensor slide(const at::Tensor& image) const;
  /// Scores resized (bilinear) to the original size, softmax, argmax: [original_h, original_w] uint8 or int16.
  at::Tensor label_map(const at::Tensor& image, std::int64_t original_h, std::int64_t original_w) const;

 private:
  const VisionTower* vision_;
  const Projector* projector_;
  at::Tensor text_;
  SegmentationOptions options_;
};

/// Per-class pixel counts over a data set; merging is adding, so any split of the images gives equal integers.
struct SegmentationCounts {
  std::vector<std::uint64_t> intersect, predicted, labelled;  // each [classes]
  explicit SegmentationCounts(std::size_t classes) : intersect(classes), predicted(classes), labelled(classes) {}
  /// Pixels whose label is `ignore_index` count nowhere. A label outside the classes is in no label histogram, but its
  /// pixel counts as predicted (mmseg's intersect_and_union).
  void add(std::span<const std::uint16_t> prediction, std::span<const std::uint16_t> label, int ignore_index);
  void merge(const SegmentationCounts& other);
};

}  // namespace tagalign::model
