/// From a method's class maps to the scores of an image: the reference's
/// sliding window (TERMS.md, reference §4).
///
/// Axes: N classes, E joint embedding, H×W an image.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/checksum.h"
#include "model/clip/tokenizer.h"
#include "model/clip/towers.h"
#include "model/inference/dense_scorer.h"

namespace tagalign::model {

struct SegmentationOptions {
  bool background = false;  ///< class 0 is one, as the scorer's BackgroundRule says
  int window = 448;         ///< limits::kWholeImageWindow or more: the whole image at once
  int stride = 224;
  int window_width = 0;  ///< 0: square, as `window`
  int stride_width = 0;  ///< 0: as `stride`
  /// Windows that go through the scorer together. The last pass of an image is filled up, so that a
  /// window's bits depend on this number alone; several keep a GPU busy, one is fastest on a CPU.
  int windows_per_pass = 1;
};

/// Embeds prompts: [prompts, E]. Called from several threads.
using PromptEncoder = std::function<at::Tensor(const std::vector<std::string>& prompts)>;

/// By CLIP's text tower or one like it; borrows both.
PromptEncoder clip_prompts(const TextTower& text, const Tokenizer& tokenizer);

/// The text embeddings of every name in every template ("{}" is replaced by the name), before any
/// normalisation: [N, T, E] fp32 on the encoder's device. Prompts are dealt to `threads` threads in
/// passes of fixed size.
at::Tensor prompt_embeddings(const PromptEncoder& encode, const std::vector<std::string>& names,
                             const std::vector<std::string>& templates, int threads = 1);

/// Mean over templates of the text embeddings ("{}" is replaced by the class name; of "a;b" by the
/// first), before any normalisation: [N, E], otherwise as prompt_embeddings().
at::Tensor class_embeddings(const PromptEncoder& encode, const std::vector<std::string>& classes,
                            const std::vector<std::string>& templates, int threads = 1);
/// By CLIP's text tower or one like it.
at::Tensor class_embeddings(const TextTower& text, const Tokenizer& tokenizer,
                            const std::vector<std::string>& classes,
                            const std::vector<std::string>& templates, int threads = 1);

/// The fewest classes of so many templates whose prompts fill whole passes: class_embeddings() of
/// such a stretch, which begins at a multiple of it, gives the bits that it gives within the whole.
std::int64_t classes_of_whole_passes(std::size_t templates);

/// Of the token ids that class_embeddings() hands to CLIP's text tower, pass by pass. Tokens rather
/// than texts: what changes in vocabulary, cleaning or templates shows in them.
Digest128 class_tokens_digest(const Tokenizer& tokenizer, std::int64_t context,
                              const std::vector<std::string>& classes,
                              const std::vector<std::string>& templates);

/// Top-left corners of the sliding windows in row-major order; the last one of each axis is shifted
/// inward; an image smaller than the window gives one window of the image's size on that axis.
struct Window {
  std::int64_t y = 0, x = 0, height = 0, width = 0;
};
std::vector<Window> sliding_windows(std::int64_t height, std::int64_t width,
                                    const SegmentationOptions& options);
std::vector<Window> sliding_windows(std::int64_t height, std::int64_t width, int window,
                                    int stride);

/// Values that one pass over an image is scored with, in every combination.
struct SegmentationSweep {
  std::vector<double> mixes;                  ///< DenseScorer::maps(); at least one
  std::vector<double> background_thresholds;  ///< at least one with a background, else none

  /// Combinations; that of mix m and threshold t has the index m · thresholds + t.
  std::size_t size() const;
  /// [size()], in the order of their indices; without a background no threshold is set.
  std::vector<ScoreVariant> variants() const;
};

/// Takes the finished scores [channels(), height, width] of one combination.
using ScoreVisitor = std::function<void(std::size_t combination, const at::Tensor& scores)>;

/// What one combination says of an image.
struct ImageLabels {
  std::span<const std::uint16_t>
      labels;  ///< [H·W] at the original size, as predict_labels() gives them
  std::span<const float> image_scores;  ///< [channels()], how much it shows each; where asked for
};
using LabelVisitor = std::function<void(std::size_t combination, const ImageLabels& labels)>;

/// Slides a method's scorer over images. Immutable, safe from several threads. Passes are of one
/// size: another rounds differently (on the CPU three quarters of the mask values of 8×8 patches
/// move, by up to 3e-7), and counts must not depend on how many windows an image has.
/// Computes without gradients; scores are fp32 even under autocast, which the caller may enable for
/// the towers. Images must be on the towers' device.
class Segmenter {
 public:
  /// Borrows `scorer`.
  Segmenter(const DenseScorer& scorer, SegmentationOptions options)
      : scorer_(&scorer), options_(options) {}

  /// image [3, H, W] normalised. Calls `visit` with the scores of each combination, averaged over
  /// windows, resized (bilinear) to the original size and finished by the scorer, in the order of
  /// their indices. The towers see each window once; the bits are those of a sweep over that
  /// combination alone. Costs, beside one forward pass, a slide and a resize a mix, and a plane a
  /// threshold that is constant.
  void sweep_scores(const at::Tensor& image, ImageSize original, const SegmentationSweep& sweep,
                    const ScoreVisitor& visit) const;

  /// Labels instead of scores, and `image_scores` where asked for, for each combination in the order
  /// of their indices: those that follow from sweep_scores(), bit for bit. On the CPU no map of an
  /// image's size is made unless a ScoreFinish needs one, and thresholds cost next to nothing.
  void sweep_labels(const at::Tensor& image, ImageSize original, const SegmentationSweep& sweep,
                    bool image_scores, const LabelVisitor& visit) const;

  /// Of finished scores.
  std::int64_t channels() const;
  /// What sweep_labels() holds beside the maps of the windows, in bytes: `slid` and `original` are
  /// the sizes of its image and of its labels.
  std::uint64_t bytes(ImageSize slid, ImageSize original, const SegmentationSweep& sweep,
                      bool image_scores) const;

 private:
  bool constant_background() const;
  /// Of a whole image, on the CPU.
  bool needs_scores(bool image_scores) const;

  const DenseScorer* scorer_;
  SegmentationOptions options_;
};

}  // namespace tagalign::model
