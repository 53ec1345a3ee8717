/// A run of METHOD.json: the settings that its authors' segmentor was given, in the product's terms.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <optional>
#include <string>

#include "configs/schema/methods/methods.h"
#include "model/inference/dense_scorer.h"
#include "model/inference/pamr.h"
#include "model/inference/segmentation.h"
#include "tests/golden/check/folder.h"
#include "tests/golden/check/heads/sources.h"

namespace tagalign::golden::heads {

struct RunSettings {
  config::EvaluationMethod method;
  std::string list;  ///< of classes
  int window = 0;    ///< a large one: the whole image
  int stride = 0;
  int pamr_steps = 0;
  std::optional<double> threshold;
  std::string unknown;  ///< keys that have no meaning here
};
/// `folder` is the method's: "sclip".
RunSettings run_settings(const std::string& folder, const Json& settings);
RunSettings run_settings(const config::EvaluationMethod& section, const Json& settings);

/// A run ready to predict; borrows the Clip.
class Run {
 public:
  Run(const Clip& clip, RunSettings settings, const std::vector<std::string>& classes);

  const RunSettings& settings() const { return settings_; }
  const model::ClassText& text() const { return text_; }
  bool refines() const { return refinement_ != nullptr; }
  std::vector<model::Window> windows(const at::Tensor& image) const;

  /// Cosines of window number `window` of an image [3, H, W], at its padded size, or at
  /// `original` where that window is all: [Q, h, w].
  at::Tensor window_cosines(const at::Tensor& image, model::ImageSize original,
                            std::size_t window) const;
  /// Cosines at the original size, sharpened: [Q, height, width].
  at::Tensor cosines(const at::Tensor& image, model::ImageSize original) const;
  /// Values of the classes before the threshold of the background: [N, height, width].
  at::Tensor values(const at::Tensor& image, model::ImageSize original) const;
  /// [height, width]
  at::Tensor labels(const at::Tensor& image, model::ImageSize original) const;

 private:
  at::Tensor sweep(const model::DenseScorer& scorer, const at::Tensor& image,
                   model::ImageSize original, std::optional<double> threshold) const;

  RunSettings settings_;
  std::unique_ptr<model::DenseModel> model_;
  std::unique_ptr<model::Refinement> refinement_;
  model::ClassText text_;
  std::unique_ptr<model::DenseScorer> scorer_;
};

}  // namespace tagalign::golden::heads
