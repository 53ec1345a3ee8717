/// What the TCL fixtures predict with: the product's method on the golden CLIP.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/clip/tokenizer.h"
#include "model/clip/towers.h"
#include "model/inference/segmentation.h"
#include "model/methods/method.h"
#include "tests/golden/check/folder.h"
#include "tests/golden/check/frozen_clip.h"
#include "tests/golden/check/report.h"

namespace tagalign::golden::tcl {

inline constexpr char kWeights[] = "masker/masker_weights.safetensors";

/// As the registry's row builds it from stored tensors; nullptr after a line.
std::unique_ptr<model::DenseModel> load_model(const Clip& clip, const Tensors& trained,
                                              Report& report);

/// How a run of the fixtures predicts.
struct Run {
  bool pamr = false;
  double mix = 0;
  std::string templates;
  std::optional<double> threshold = std::nullopt;  ///< set: a background in front
  int window = 0, stride = 0;
};
/// `facts` has pamr, kp_w, template and bg_thresh; window and stride too, or else `info` has them.
Run run_of(const Json& facts, const Json& info);

/// The path of an evaluation for one combination. Borrows the model's materials.
class Prediction {
 public:
  /// text [N, E].
  Prediction(const model::DenseModel& model, const at::Tensor& text, const Run& run);
  /// image [3, H, W] → [C, height, width].
  at::Tensor scores(const at::Tensor& image, model::ImageSize size) const;
  at::Tensor scores(const at::Tensor& image) const;

 private:
  std::unique_ptr<model::Refinement> refinement_;
  std::unique_ptr<model::DenseScorer> scorer_;
  model::SegmentationOptions options_;
  model::SegmentationSweep sweep_;
};

/// Mean over a set's templates: [N, E]; undefined after a line. `classes` without a background.
at::Tensor embed(const model::DenseModel& model, const std::vector<std::string>& classes,
                 const std::string& templates, Report& report);

}  // namespace tagalign::golden::tcl
