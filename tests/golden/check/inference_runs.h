/// The runs of group inference: what their names say, and the predictors that they ask for.
#pragma once

#include <ATen/core/Tensor.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "data/image/image.h"
#include "model/clip/towers.h"
#include "model/inference/segmentation.h"
#include "model/methods/tagalign/projector.h"
#include "model/methods/tagalign/tagalign.h"
#include "tests/golden/check/folder.h"
#include "tests/golden/check/report.h"

namespace tagalign::golden {

/// "gdecoder.clip_w0.3.background.simple": projector, share of the frozen
/// map, background, prompt templates.
struct RunName {
  std::string text;
  std::string projector;
  double clip_weight = 0;
  bool background = false;
  std::string templates;
};
/// A run's name at the start of `text`, and what follows the dot behind it.
struct NamedPart {
  RunName run;
  std::string rest;
};
std::optional<NamedPart> parse_run(const std::string& text);

/// What a run predicts with: the path that an evaluation takes, for one combination.
struct Prediction {
  std::unique_ptr<model::DenseModel> model;
  std::unique_ptr<model::DenseScorer> scorer;
  model::SegmentationOptions options;
  model::SegmentationSweep sweep;

  at::Tensor scores(const at::Tensor& image, model::ImageSize size) const;
  /// At the image's own size.
  at::Tensor scores(const at::Tensor& image) const;
};

/// The frozen CLIP and the trained projectors of a golden folder, loaded once.
class Models {
 public:
  /// nullopt after a line.
  static std::optional<Models> load(Folder& folder, Report& report);

  /// Mean over the set's templates of the prompts' embeddings: [N, E]; undefined after a line.
  at::Tensor embed(const std::vector<std::string>& classes, const std::string& templates);
  /// By the name that the runs use; nullptr after a line.
  std::shared_ptr<const model::Projector> projector(const std::string& name);
  /// `classes` without the background, `info` as in similarity_scores(); nullopt after a line.
  std::optional<Prediction> predict(const RunName& run, const std::vector<std::string>& classes,
                                    const Json& info);

 private:
  Models(Folder& folder, Report& report, model::VisionTower vision, model::TextTower text,
         model::Tokenizer tokenizer)
      : folder_(&folder),
        report_(&report),
        vision_(std::move(vision)),
        text_(std::move(text)),
        tokenizer_(std::move(tokenizer)) {}

  Folder* folder_;
  Report* report_;
  model::VisionTower vision_;
  model::TextTower text_;
  model::Tokenizer tokenizer_;
  std::map<std::string, std::shared_ptr<const model::Projector>> projectors_;
  std::map<std::pair<std::vector<std::string>, std::string>, at::Tensor> embeddings_;
};

/// `info` holds protocol, window, stride and, optionally, scale_bias.
config::SimilarityScores similarity_scores(const Json& info);
model::SegmentationOptions segmentation_options(const Json& info, const RunName& run);
/// One combination: the run's mix and, with a background, the threshold bg_thresh of `info`.
model::SegmentationSweep sweep_of(const Json& info, const RunName& run);

/// `img_scale` holds the limits of the long and the short side.
data::Size network_size(data::Size original, const Json& img_scale);
/// Normalised: [3, H, W].
at::Tensor network_input(const data::Image& image,
                         const data::ColorStatistics& colors = data::kImageNetColors);

}  // namespace tagalign::golden
