#include "tests/golden/check/tcl/models.h"

#include <utility>

#include "configs/schema/methods/template_sets.h"
#include "tests/golden/check/sources.h"
#include "worker/evaluate/refinement.h"

namespace tagalign::golden::tcl {

std::unique_ptr<model::DenseModel> load_model(const Clip& clip, const Tensors& trained,
                                              Report& report) {
  const auto method = model::find_method(config::TclEvaluation::kName);
  TA_CHECK(method.ok(), "the registry has a row for TCL");
  auto built = (*method)->dense_model(clip.materials(), (*method)->weights->own(trained),
                                      config::EvaluationMethod(config::TclEvaluation{}));
  if (built.ok()) return std::move(built).value();
  report.failed("the masker of the folder", built.status().message());
  return nullptr;
}

Run run_of(const Json& facts, const Json& info) {
  const auto number = [&](const char* key) {
    return (facts.contains(key) ? facts : info).at(key).at(0).get<int>();
  };
  Run run{.pamr = facts.at("pamr"),
          .mix = (facts.contains("kp_w") ? facts : info).at("kp_w"),
          .templates = facts.at("template"),
          .window = number("window"),
          .stride = number("stride")};
  if (!facts.at("bg_thresh").is_null()) run.threshold = facts.at("bg_thresh").get<double>();
  return run;
}

Prediction::Prediction(const model::DenseModel& model, const at::Tensor& text, const Run& run)
    : options_{.background = run.threshold.has_value(), .window = run.window, .stride = run.stride},
      sweep_{{run.mix}, {}} {
  if (run.pamr) refinement_ = jobs::make_refinement(config::TclEvaluation{}.preset().refine);
  scorer_ = model.scorer({text}, {.refinement = refinement_.get()});
  if (run.threshold) sweep_.background_thresholds = {*run.threshold};
}

at::Tensor Prediction::scores(const at::Tensor& image, model::ImageSize size) const {
  at::Tensor only;
  model::Segmenter(*scorer_, options_)
      .sweep_scores(image, size, sweep_,
                    [&](std::size_t, const at::Tensor& scores) { only = scores; });
  return only;
}

at::Tensor Prediction::scores(const at::Tensor& image) const {
  return scores(image, {image.size(1), image.size(2)});
}

at::Tensor embed(const model::DenseModel& model, const std::vector<std::string>& classes,
                 const std::string& templates, Report& report) {
  const auto* prompts = config::find_template_set(templates);
  if (prompts == nullptr) {
    report.failed("templates " + templates, "the product has no set of this name");
    return {};
  }
  return model.embed_classes(classes, *prompts, 1).rows;
}

}  // namespace tagalign::golden::tcl
