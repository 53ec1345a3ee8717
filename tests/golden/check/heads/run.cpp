#include "tests/golden/check/heads/run.h"

#include <ATen/ops/upsample_bilinear2d.h>

#include <array>
#include <limits>
#include <map>
#include <set>
#include <utility>

#include "base/limits.h"
#include "configs/schema/methods/template_sets.h"
#include "model/inference/kernels/predict.h"
#include "model/methods/heads/scorer.h"

namespace tagalign::golden::heads {
namespace {

constexpr int kWholeImage = limits::kWholeImageWindow;

/// The head that the settings of `folder` choose.
config::EvaluationMethod head_of(const std::string& folder, const Json& settings) {
  const std::string type = settings.value("model_type", "");
  if (type == "MaskCLIP") return config::MaskClipEvaluation{};
  if (type == "vanilla") return config::PlainHeadEvaluation{};
  if (folder == "sclip") return config::SclipEvaluation{};
  if (folder == "naclip") return config::NaclipEvaluation{};
  return config::ClearClipEvaluation{};
}

struct SettingsOf {
  config::HeadSettings* operator()(auto& section) const {
    if constexpr (requires { section.settings.separator; }) {
      return &section.settings;
    } else {
      return nullptr;
    }
  }
};

void apply(const Json& settings, config::HeadSettings& head) {
  head.scale = settings.value("logit_scale", head.scale);
  head.area_threshold = settings.value("area_thd", head.area_threshold);
  head.gaussian_std = settings.value("gaussian_std", head.gaussian_std);
  if (settings.contains("arch")) head.residual = settings.at("arch") == "vanilla";
  if (settings.contains("ignore_residual")) head.residual = !settings.at("ignore_residual");
}

config::AttentionBlend blend_of(const Json& pair) {
  return {.temperature = pair.at(0), .weight = pair.at(1)};
}

/// What ResCLIP's segmentor is given beside a head's; unasked it leaves entities as they are.
void apply_feedback(const Json& settings, config::ResClipEvaluation& section) {
  static const std::map<std::string, config::HeadAttention> kBases = {
      {"resclip", config::HeadAttention::kKeyNeighbours},
      {"naclip", config::HeadAttention::kKeyNeighbours},
      {"sclip", config::HeadAttention::kQueryPlusKey},
      {"clearclip", config::HeadAttention::kQuery},
      {"vanilla", config::HeadAttention::kQueryKey}};
  section.settings.attention = kBases.at(settings.value("attn_strategy", "resclip"));
  section.settings.residual = settings.value("arch", "wo_resi") != "wo_resi";
  section.rcs = blend_of(settings.at("attn_rcs_weights"));
  section.sfr = blend_of(settings.at("attn_sfr_weights"));
  section.feedback_threshold = settings.at("temp_thd");
  section.delete_same_entity = settings.value("delete_same_entity", false);
}

/// What a head is asked for before the protocol's last steps.
class CosineScorer final : public model::DenseScorer, private model::ScoreFinish {
 public:
  CosineScorer(const model::DenseScorer& scorer, const model::Refinement* refinement)
      : scorer_(scorer), refinement_(refinement) {}
  std::int64_t channels() const override { return scorer_.channels(); }
  model::BackgroundRule background() const override { return scorer_.background(); }
  bool straight_to_original() const override { return scorer_.straight_to_original(); }
  std::vector<model::ScoreMap> maps(const at::Tensor& windows,
                                    std::span<const model::ScoreVariant> variants) const override {
    return scorer_.maps(windows, variants);
  }
  const model::ScoreFinish* score_finish() const override { return this; }
  at::Tensor finish(const at::Tensor& scores, const at::Tensor& image,
                    const model::ScoreVariant&) const override {
    return model::sharpened(refinement_, scores, image);
  }

 private:
  const model::DenseScorer& scorer_;
  const model::Refinement* refinement_;
};

}  // namespace

RunSettings run_settings(const std::string& folder, const Json& settings) {
  return run_settings(head_of(folder, settings), settings);
}

RunSettings run_settings(const config::EvaluationMethod& section, const Json& settings) {
  static const std::set<std::string> kKnown = {
      "slide_crop", "slide_stride", "L",    "logit_scale", "prob_thd",       "area_thd",
      "pamr_steps", "gaussian_std", "arch", "model_type",  "ignore_residual"};
  static const std::set<std::string> kOfFeedback = {
      "attn_strategy", "attn_rcs_weights", "attn_sfr_weights", "temp_thd", "delete_same_entity"};
  RunSettings run{.method = section, .list = settings.at("L")};
  apply(settings, *std::visit(SettingsOf{}, run.method));
  auto* feedback = std::get_if<config::ResClipEvaluation>(&run.method);
  if (feedback != nullptr) apply_feedback(settings, *feedback);
  const int crop = settings.at("slide_crop");
  run.window = crop == 0 ? kWholeImage : crop;
  run.stride = crop == 0 ? kWholeImage : settings.at("slide_stride").get<int>();
  const config::RefineChoice refine = config::preset_of(run.method).refine;
  const auto* pamr = std::get_if<config::RefinePamr>(&refine);
  run.pamr_steps = settings.value("pamr_steps", pamr == nullptr ? 0 : pamr->iterations);
  if (settings.contains("prob_thd")) run.threshold = settings.at("prob_thd").get<double>();
  for (const auto& [key, value] : settings.items()) {
    if (feedback != nullptr && kOfFeedback.contains(key)) continue;
    if (!kKnown.contains(key)) run.unknown += (run.unknown.empty() ? "" : ", ") + key;
  }
  return run;
}

Run::Run(const Clip& clip, RunSettings settings, const std::vector<std::string>& classes)
    : settings_(std::move(settings)) {
  const auto* method = model::find_method(config::method_name(settings_.method)).value();
  model_ = method->dense_model(clip.materials(), {}, settings_.method).value();
  if (settings_.pamr_steps > 0)
    refinement_ = std::make_unique<model::Pamr>(
        model::PamrOptions{.iterations = settings_.pamr_steps, .dilations = {8, 16}});
  const auto templates = config::expand_templates(config::preset_of(settings_.method).templates);
  text_ = model_->embed_classes(classes, templates, 1);
  scorer_ = model_->scorer(text_, {.refinement = refinement_.get()});
}

std::vector<model::Window> Run::windows(const at::Tensor& image) const {
  return model::sliding_windows(image.size(1), image.size(2), settings_.window, settings_.stride);
}

at::Tensor Run::window_cosines(const at::Tensor& image, model::ImageSize original,
                               std::size_t window) const {
  const model::Window w = windows(image).at(window);
  const at::Tensor cut = image.narrow(1, w.y, w.height).narrow(2, w.x, w.width);
  const std::array<model::ScoreVariant, 1> only = {};
  const model::ScoreMap map = scorer_->maps(cut.unsqueeze(0), only).front();
  if (settings_.window == kWholeImage && scorer_->straight_to_original())
    return at::upsample_bilinear2d(map.scores, {original.height, original.width}, false).squeeze(0);
  const model::Padding& p = map.padding;
  return at::upsample_bilinear2d(map.scores,
                                 {w.height + p.top + p.bottom, w.width + p.left + p.right}, false)
      .squeeze(0);
}

at::Tensor Run::sweep(const model::DenseScorer& scorer, const at::Tensor& image,
                      model::ImageSize original, std::optional<double> threshold) const {
  const model::Segmenter segmenter(scorer, {.background = threshold.has_value(),
                                            .window = settings_.window,
                                            .stride = settings_.stride});
  model::SegmentationSweep sweep{{1.0}, {}};
  if (threshold) sweep.background_thresholds = {*threshold};
  at::Tensor only;
  segmenter.sweep_scores(image, original, sweep,
                         [&](std::size_t, const at::Tensor& scores) { only = scores; });
  return only;
}

at::Tensor Run::cosines(const at::Tensor& image, model::ImageSize original) const {
  return sweep(CosineScorer(*scorer_, refinement_.get()), image, original, std::nullopt);
}

at::Tensor Run::values(const at::Tensor& image, model::ImageSize original) const {
  return sweep(*scorer_, image, original, std::nullopt);
}

at::Tensor Run::labels(const at::Tensor& image, model::ImageSize original) const {
  return model::predict_labels(sweep(*scorer_, image, original, settings_.threshold),
                               scorer_->label_rule());
}

}  // namespace tagalign::golden::heads
