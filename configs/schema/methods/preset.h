/// What every method must say about its evaluation. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "configs/schema/methods/refinement.h"

namespace tagalign::config {

/// Whose mean and deviation an image is normalised with.
enum class PixelStatistics {
  kImageNet,
  kClip,
  kClipRounded,  ///< CLIP's as configurations of mmsegmentation write them, to 0.001
};

enum class ImageResize {
  kKeepRatio,  ///< OpenCV's bilinear, to a short side
  kSquash,     ///< Pillow's bicubic, to a square of that side
};

/// What an evaluation uses where neither the configuration nor the data set says otherwise.
struct EvaluationPreset {
  std::string name;  ///< which of a data set's `protocols` apply
  std::optional<double> background_threshold = std::nullopt;
  /// Where `refine` is none; unset: the same.
  std::optional<double> background_threshold_unrefined = std::nullopt;
  int short_side = 448;
  int window = 448;
  int stride = 224;
  std::vector<std::string> templates = {"simple"};
  PixelStatistics pixels = PixelStatistics::kImageNet;
  ImageResize resize = ImageResize::kKeepRatio;
  RefineChoice refine = RefineNone{};
};

/// A rule between keys that is broken. A method's struct has `void check(path, findings) const`.
struct Finding {
  std::string path;     ///< "data.tags"
  std::string message;  ///< what was expected and found
};
using Findings = std::vector<Finding>;

}  // namespace tagalign::config
