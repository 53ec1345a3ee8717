/// From image features to label maps: the reference's inference protocols (reference §4), and exact
/// integer counts.
///
/// Axes: N classes, E joint embedding, B windows in a batch, h×w patch grid, S window side, H×W an
/// image.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/status.h"
#include "model/clip/tokenizer.h"
#include "model/clip/towers.h"
#include "model/projector.h"
#include "model/segmentation_counts.h"

namespace tagalign::model {

/// How cosine similarities become class scores: the reference's protocols v1 and v3.
enum class ScoreRule {
  kSigmoid,  ///< v1: σ(scale · similarity + bias); the paper's scale 10, bias −2.5
  kSoftmax,  ///< v3: softmax over the classes of scale · similarity; scale 30
};

struct SegmentationOptions {
  VisionAttention attention = VisionAttention::kSurgery;
  ScoreRule rule = ScoreRule::kSigmoid;
  double scale = 10.0;
  double bias = -2.5;        ///< kSigmoid only
  double clip_weight = 0.3;  ///< share of the frozen map; 1 or no projector: the frozen map alone
  bool background = false;   ///< a constant channel `background_threshold` before the classes
  double background_threshold = 0.4;
  int window = 448;
  int stride = 224;
};

/// Mean over templates of the text embeddings ("{}" is replaced by the class name; of "a;b" by the
/// first), before any normalisation: [N, E] fp32 on the tower's device. Prompts are dealt to
/// `threads` threads in passes of fixed size.
at::Tensor class_embeddings(const TextTower& text, const Tokenizer& tokenizer,
                            const std::vector<std::string>& classes,
                            const std::vector<std::string>& templates, int threads = 1);

/// Top-left corners of the sliding windows in row-major order; the last one of each axis is shifted
/// inward; an image smaller than the window gives one window of the image's size on that axis.
struct Window {
  std::int64_t y = 0, x = 0, height = 0, width = 0;
};
std::vector<Window> sliding_windows(std::int64_t height, std::int64_t width, int window,
                                    int stride);

struct ImageSize {
  std::int64_t height = 0, width = 0;
};

/// Values that one pass over an image is scored with, in every combination.
struct SegmentationSweep {
  std::vector<double> clip_weights;           ///< at least one
  std::vector<double> background_thresholds;  ///< at least one with a background channel, else none

  /// Combinations; that of weight w and threshold t has the index w · thresholds + t.
  std::size_t size() const;
};

/// Takes the scores [N(+1), height, width] of one combination.
using ScoreVisitor = std::function<void(std::size_t combination, const at::Tensor& scores)>;

/// Immutable, safe from several threads. Each window is a forward pass of its own: on the CPU a
/// pass over several rounds differently (three quarters of the mask values of 8×8 patches move, by
/// up to 3e-7), and counts must not depend on a batch size. Computes without gradients; scores are
/// fp32 even under autocast, which the caller may enable for the towers. Images must be on the
/// towers' device.
class Segmenter {
 public:
  /// Borrows tower and projector (nullptr: frozen baseline); `text` [N, E] without the background
  /// class.
  Segmenter(const VisionTower& vision, const Projector* projector, at::Tensor text,
            SegmentationOptions options);

  /// windows [B, 3, S, S'] normalised → masks [B, N(+1), S, S'].
  at::Tensor window_masks(const at::Tensor& windows) const;
  /// image [3, H, W] normalised → scores averaged over windows [N(+1), H, W].
  at::Tensor slide(const at::Tensor& image) const;
  /// slide() resized (bilinear) to the original size: [N(+1), height, width].
  at::Tensor scores(const at::Tensor& image, ImageSize original) const;
  /// Calls `visit` with scores() for each combination, in the order of their indices. The towers
  /// see each window once; the bits are those of a Segmenter whose options hold the combination.
  /// Costs, beside one scores(), a slide and a resize a weight and a plane a threshold.
  void sweep_scores(const at::Tensor& image, ImageSize original, const SegmentationSweep& sweep,
                    const ScoreVisitor& visit) const;
  /// Softmax and argmax of scores(): [original_h, original_w] uint8, or int16 above 256 classes.
  at::Tensor label_map(const at::Tensor& image, std::int64_t original_h,
                       std::int64_t original_w) const;
  /// Adds the counts of label_map() against `label` [original.height · original.width] without
  /// bringing scores or labels to the host.
  void count(const at::Tensor& image, ImageSize original, std::span<const std::uint16_t> label,
             int ignore_index, SegmentationCounts& counts) const;

  /// N, plus one with a background channel.
  std::int64_t channels() const { return text_.size(0) + (options_.background ? 1 : 0); }

 private:
  /// Class scores on the patch grid [B, N, h, w], before the mix; one is undefined where no weight
  /// asks for it.
  struct Maps {
    at::Tensor trained;
    at::Tensor frozen;
  };
  struct Shares {
    bool trained = false;
    bool frozen = false;
  };

  double frozen_share(double clip_weight) const;
  Shares needed(std::span<const double> clip_weights) const;
  SegmentationSweep own_values() const;
  at::Tensor class_scores(const at::Tensor& features, Grid grid) const;
  Maps class_maps(const at::Tensor& windows, Shares shares) const;
  at::Tensor mix(const Maps& maps, double clip_weight) const;
  std::vector<Maps> maps_of_windows(const at::Tensor& image, std::span<const Window> windows,
                                    Shares shares) const;

  const VisionTower* vision_;
  const Projector* projector_;
  at::Tensor text_;  // [N, E] normalised
  SegmentationOptions options_;
};

}  // namespace tagalign::model
