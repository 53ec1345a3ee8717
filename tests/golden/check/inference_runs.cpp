#include "tests/golden/check/inference_runs.h"

#include <ATen/ops/from_blob.h>

#include <algorithm>
#include <regex>
#include <utility>

#include "base/format.h"
#include "configs/schema/methods/template_sets.h"
#include "model/methods/tagalign/reference_names.h"
#include "tests/golden/check/sources.h"

namespace tagalign::golden {
namespace {

/// The official checkpoint of a training run, "checkpoint_gdecoder_v1.pth"; any other of
/// that projector without it.
std::string checkpoint_of(const Folder& folder, const std::string& projector) {
  const std::string start = "checkpoint_" + projector;
  const auto files = folder.list("checkpoints", start, ".pth");
  return files.empty() ? format("checkpoints/{}_v1.pth", start) : files.front();
}

/// As projector.json configures it (names do not tell the number of heads), else told by the names.
Result<model::ProjectorShape> shape_of(Folder& folder, const std::string& name,
                                       const model::StateDict& tensors, std::int64_t width) {
  const std::string file = "projector/projector.json";
  if (!folder.has(file)) return model::projector_shape_of(tensors);
  const Json* facts = folder.json(file);
  if (facts == nullptr || !facts->contains("configs") || !facts->at("configs").contains(name))
    return model::projector_shape_of(tensors);
  const Json& config = facts->at("configs").at(name);
  if (const auto problem = unsupported_projector(config, name); !problem.empty())
    return unsupported(problem);
  return projector_shape(config, name, width);
}

Result<std::unique_ptr<model::Projector>> build_projector(Folder& folder, const std::string& name,
                                                          const model::StateDict& tensors,
                                                          const model::ClipProjection& frozen,
                                                          std::int64_t width) {
  TA_ASSIGN_OR_RETURN(const auto shape, shape_of(folder, name, tensors, width));
  auto projector = model::make_projector(shape, frozen, 0);
  model::StateDict own;
  for (const auto& [key, tensor] : tensors) {
    if (key.starts_with("projector.")) own[key] = tensor;
  }
  TA_RETURN_IF_ERROR(model::load_projector(*projector, own));
  return projector;
}

}  // namespace

std::optional<NamedPart> parse_run(const std::string& text) {
  static const std::regex kName(
      R"((([A-Za-z0-9]+)\.clip_w([0-9]+(?:\.[0-9]+)?)\.(no)?background\.([A-Za-z0-9_]+))\.(.+))");
  std::smatch match;
  if (!std::regex_match(text, match, kName)) return std::nullopt;
  return NamedPart{.run = {.text = match[1],
                           .projector = match[2],
                           .clip_weight = std::stod(match[3]),
                           .background = !match[4].matched,
                           .templates = match[5]},
                   .rest = match[6]};
}

std::optional<Models> Models::load(Folder& folder, Report& report) {
  const auto weights = load_clip_weights(folder, report);
  auto tokenizer = load_tokenizer(folder, report);
  if (!weights || !tokenizer) return std::nullopt;
  auto vision = model::VisionTower::create(*weights);
  auto text = model::TextTower::create(*weights);
  for (const Status& status : {vision.status(), text.status()}) {
    if (!status.ok()) report.failed("the CLIP of the folder", status.message());
  }
  if (!vision.ok() || !text.ok()) return std::nullopt;
  vision->freeze({});  // as the program does
  text->freeze({});
  return Models(folder, report, std::move(vision).value(), std::move(text).value(),
                std::move(*tokenizer));
}

at::Tensor Models::embed(const std::vector<std::string>& classes, const std::string& templates) {
  const auto key = std::make_pair(classes, templates);
  if (const auto known = embeddings_.find(key); known != embeddings_.end()) return known->second;
  at::Tensor& embedding = embeddings_[key];
  const auto* prompts = config::find_template_set(templates);
  if (prompts == nullptr) {
    report_->failed("templates " + templates, "the product has no set of this name");
  } else {
    embedding = model::class_embeddings(text_, tokenizer_, classes, *prompts);
  }
  return embedding;
}

std::shared_ptr<const model::Projector> Models::projector(const std::string& name) {
  if (const auto known = projectors_.find(name); known != projectors_.end()) return known->second;
  std::shared_ptr<const model::Projector>& projector = projectors_[name];
  TensorFile* checkpoint = folder_->tensors(checkpoint_of(*folder_, name));
  if (checkpoint == nullptr) return nullptr;
  auto built = build_projector(*folder_, name, model::exported_tensors(checkpoint->all()),
                               vision_.projection(), vision_.shape().vision_width);
  if (built.ok())
    projector = std::move(built).value();
  else
    report_->failed("projector " + name, built.status().message());
  return projector;
}

std::optional<Prediction> Models::predict(const RunName& run,
                                          const std::vector<std::string>& classes,
                                          const Json& info) {
  auto projector = this->projector(run.projector);
  const at::Tensor text = embed(classes, run.templates);
  if (projector == nullptr || !text.defined()) return std::nullopt;
  auto model =
      model::make_tagalign_model({.vision = &vision_, .text = &text_}, std::move(projector),
                                 {.scores = similarity_scores(info)});
  auto scorer = model->scorer({text}, {});
  return Prediction{std::move(model), std::move(scorer), segmentation_options(info, run),
                    sweep_of(info, run)};
}

at::Tensor Prediction::scores(const at::Tensor& image, model::ImageSize size) const {
  at::Tensor only;
  model::Segmenter(*scorer, options)
      .sweep_scores(image, size, sweep,
                    [&](std::size_t, const at::Tensor& scores) { only = scores; });
  return only;
}

at::Tensor Prediction::scores(const at::Tensor& image) const {
  return scores(image, {image.size(1), image.size(2)});
}

config::SimilarityScores similarity_scores(const Json& info) {
  config::SimilarityScores found;
  if (info.at("protocol") == "v3") found.protocol = config::Protocol::kV3;
  if (const auto scores = info.find("scale_bias"); scores != info.end()) {
    found.scale = scores->at(0).get<double>();
    if (!scores->at(1).is_null()) found.bias = scores->at(1).get<double>();
  }
  return found;
}

model::SegmentationOptions segmentation_options(const Json& info, const RunName& run) {
  return {.background = run.background,
          .window = info.at("window").at(0),
          .stride = info.at("stride").at(0)};
}

model::SegmentationSweep sweep_of(const Json& info, const RunName& run) {
  model::SegmentationSweep sweep{{run.clip_weight}, {}};
  if (run.background) sweep.background_thresholds = {info.at("bg_thresh")};
  return sweep;
}

data::Size network_size(data::Size original, const Json& img_scale) {
  const int a = img_scale.at(0), b = img_scale.at(1);
  return data::keep_ratio_size(original, std::min(a, b), std::max(a, b));
}

at::Tensor network_input(const data::Image& image, const data::ColorStatistics& colors) {
  std::vector<float> planar = data::normalize_planar(image, colors);
  return at::from_blob(planar.data(), {3, image.height, image.width}, at::kFloat).clone();
}

}  // namespace tagalign::golden
