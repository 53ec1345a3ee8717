/// What a method predicts, as the sliding window sees it.
///
/// Axes: B windows in a batch, C channels of a method's maps, h×w the method's own grid, N classes,
/// H×W an image. Threads: immutable, safe from several.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace tagalign::model {

/// One combination of the values that a pass over an image is scored with.
struct ScoreVariant {
  double mix = 0.0;  ///< share of the frozen map, which a method without a mix ignores
  std::optional<double> threshold = std::nullopt;  ///< of the background, where there is one
};

/// Where class 0 of a data set with a background comes from.
enum class BackgroundRule {
  kConstant,  ///< a channel of the threshold in front of the maps, averaged over windows like them
  kInWindow,  ///< the maps have it; they depend on the threshold
  kAtEnd,     ///< it has text like any class, and the method's ScoreFinish applies the threshold
};

/// How finished scores become labels.
enum class LabelRule {
  kSoftmax,  ///< the first channel with the largest softmax, whose rounding makes ties
  kLargest,  ///< the first channel with the largest score
};

/// Pixels added around a window before a method saw it.
struct Padding {
  std::int64_t top = 0, bottom = 0, left = 0, right = 0;
};

struct ScoreMap {
  at::Tensor scores;  ///< [B, C, h, w] fp32, even under autocast
  Padding padding;    ///< the map covers the window with this around it
};

struct ImageSize {
  std::int64_t height = 0, width = 0;
};

/// A pixel that shows a class, or shows it least: what a promptable segmenter (SAM) is asked with.
struct PointPrompt {
  std::int64_t x = 0, y = 0;
  bool inside = false;

  bool operator==(const PointPrompt&) const = default;
};

/// Where a method sees each class with a text, beside its scores.
struct ClassEvidence {
  at::Tensor maps;                               ///< [N, H, W] fp32, 0…1, at the original size
  std::vector<std::vector<PointPrompt>> points;  ///< [N]
};

/// What a method says of each pixel beside its class: the group that it belongs to.
struct NamedLabels {
  std::string name;   ///< "stage0"
  at::Tensor labels;  ///< [H, W] int64
};

/// What a method makes of the scores of a whole image. Threads: immutable, safe from several.
class ScoreFinish {
 public:
  virtual ~ScoreFinish() = default;
  /// scores [C, H, W] at the original size, `image` [3, H', W'] as the windows were cut from it →
  /// [N, H, W]. A constant background is there already.
  virtual at::Tensor finish(const at::Tensor& scores, const at::Tensor& image,
                            const ScoreVariant& variant) const = 0;
  /// How much an image shows each class, for ranking images: [channels of `finished`], of the same
  /// image and its finished scores [C, H, W]. By default a class's highest pixel.
  virtual at::Tensor image_scores(const at::Tensor& image, const at::Tensor& finished) const;
  /// finish() takes each pixel by itself and does not look at the image: rows may be finished apart.
  virtual bool by_pixel() const { return false; }
};

/// Scores the classes of one data set.
class DenseScorer {
 public:
  virtual ~DenseScorer() = default;
  /// C, the constant background not counted.
  virtual std::int64_t channels() const = 0;
  /// Of finished scores; a constant background is counted by neither.
  virtual std::int64_t classes() const { return channels(); }
  /// windows [B, 3, S, S'] normalised → one map for each of `variants`, whose
  /// thresholds are set for kInWindow alone.
  virtual std::vector<ScoreMap> maps(const at::Tensor& windows,
                                     std::span<const ScoreVariant> variants) const = 0;
  virtual BackgroundRule background() const { return BackgroundRule::kConstant; }
  /// True: a window that is the whole image is stretched to the original size in one step.
  virtual bool straight_to_original() const { return false; }
  /// Null: scores are what the maps say, an image shows a class as its highest pixel does, and no
  /// map of an image's size need be made.
  virtual const ScoreFinish* score_finish() const { return nullptr; }
  /// Of a whole image [3, H, W] normalised, in one pass; most methods have none.
  virtual std::vector<NamedLabels> label_maps(const at::Tensor& /*image*/) const { return {}; }
  /// Of a whole image [3, H, W] normalised, in one pass; most methods have none.
  virtual std::optional<ClassEvidence> evidence(const at::Tensor& /*image*/,
                                                ImageSize /*original*/) const {
    return std::nullopt;
  }
  virtual LabelRule label_rule() const { return LabelRule::kSoftmax; }
};

}  // namespace tagalign::model
