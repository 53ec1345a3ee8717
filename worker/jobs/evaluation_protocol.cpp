#include "worker/jobs/evaluation_protocol.h"

#include "base/checksum.h"
#include "base/format.h"
#include "configs/schema/template_sets.h"

namespace tagalign::jobs {
namespace {

using config::EvaluateConfig;
using config::SegmentationDataConfig;

/// Why the reference gives no number to compare with under this weight; empty: it gives one.
std::string missing_reference(const EvaluateConfig& config, const SegmentationDataConfig& data,
                              const Predictor& predictor, double clip_weight) {
  if (!config::dataset_settings(config, data).in_reference) {
    return format("the reference cannot evaluate {} under protocol {}", data.name, config.protocol);
  }
  const bool transformer = predictor.projector != nullptr &&
                           predictor.projector->shape().kind == model::ProjectorKind::kTransformer;
  if (config.protocol == config::Protocol::kV3 && transformer && clip_weight > 0.0) {
    return "the reference's protocol v3 fails for the Transformer projector with clip_weight above "
           "0";
  }
  return "";
}

/// What all results of a data set have in common.
struct CommonWords {
  std::string before;  ///< the clip weight
  std::string behind;
};

CommonWords common_words(const EvaluateConfig& config, const SegmentationDataConfig& data) {
  const config::ScoreSettings scores = config::score_settings(config);
  CommonWords words;
  words.before =
      format("{} attention={} scale={}", config.protocol, config.clip.attention, scores.scale);
  if (!scores.softmax) words.before += format(" bias={}", scores.bias);
  words.behind =
      format("short_side={} long_side_max={} window={} stride={}", data.short_side,
             data.long_side_max, data.window, config::dataset_settings(config, data).stride);
  if (data.max_pixels > 0) {
    words.behind += format(" max_pixels={}/{}", data.max_pixels, data.max_pixels_side);
  }
  if (data.reduce_zero_label) words.behind += " reduce_zero_label";
  if (config.runtime.precision != config::Precision::kFp32) {
    words.behind += format(" precision={}", config.runtime.precision);
  }
  words.behind +=
      " templates=" + describe_templates(config::dataset_settings(config, data).templates);
  return words;
}

/// Fills protocols and notices.
void describe(const EvaluateConfig& config, const SegmentationDataConfig& data,
              const Predictor& predictor, EvaluationPlan& plan) {
  const CommonWords words = common_words(config, data);
  for (const double weight : plan.sweep.clip_weights) {
    std::string text = format("{} clip_weight={} {}", words.before,
                              predictor.projector != nullptr ? weight : 1.0, words.behind);
    const std::string missing = missing_reference(config, data, predictor, weight);
    if (!missing.empty()) {
      text += " reference=none";
      const std::string notice = missing + ": there is no number to compare with";
      if (plan.notices.empty() || plan.notices.back() != notice) plan.notices.push_back(notice);
    }
    if (plan.sweep.background_thresholds.empty()) plan.protocols.push_back(text);
    for (const double threshold : plan.sweep.background_thresholds) {
      plan.protocols.push_back(text + format(" background={}", threshold));
    }
  }
}

Result<model::SegmentationSweep> plan_sweep(const EvaluateConfig& config,
                                            const SegmentationDataConfig& data,
                                            bool has_projector) {
  if (!config.sweep.clip_weights.empty() && !has_projector) {
    return invalid_argument(
        "sweep.clip_weights: expected a checkpoint whose projector is mixed with the frozen map, "
        "found none; name it in checkpoint");
  }
  model::SegmentationSweep sweep{config.sweep.clip_weights, {}};
  if (sweep.clip_weights.empty()) {
    sweep.clip_weights = {config::score_settings(config).clip_weight};
  }
  if (!data.background) return sweep;
  sweep.background_thresholds = config.sweep.thresholds;
  if (!sweep.background_thresholds.empty()) return sweep;
  const auto threshold = config::dataset_settings(config, data).background_threshold;
  if (!threshold) {
    return invalid_argument(
        format("{}: protocol {} has no background threshold of its own; set background_threshold",
               data.name, config.protocol));
  }
  sweep.background_thresholds = {*threshold};
  return sweep;
}

}  // namespace

std::string describe_templates(const std::vector<std::string>& templates) {
  constexpr std::size_t kDigitsShown = 8;
  const std::vector<std::string> prompts = config::expand_templates(templates);
  Hasher128 hasher;
  for (const std::string& prompt : prompts) hasher.update(format("{}:{}", prompt.size(), prompt));
  std::string names;
  for (const std::string& text : templates) {
    const std::string name = config::find_template_set(text) != nullptr ? text : "own";
    if (names == name || names.ends_with("+" + name)) continue;
    names += (names.empty() ? "" : "+") + name;
  }
  return format("{}({}):{}", names, prompts.size(), hasher.digest().hex().substr(0, kDigitsShown));
}

Result<EvaluationPlan> plan_evaluation(const EvaluateConfig& config,
                                       const SegmentationDataConfig& data,
                                       const Predictor& predictor) {
  const bool has_projector = predictor.projector != nullptr;
  const config::ScoreSettings scores = config::score_settings(config);
  EvaluationPlan plan;
  TA_ASSIGN_OR_RETURN(plan.sweep, plan_sweep(config, data, has_projector));
  plan.options = {.attention = predictor.attention,
                  .rule = scores.softmax ? model::ScoreRule::kSoftmax : model::ScoreRule::kSigmoid,
                  .scale = scores.scale,
                  .bias = scores.bias,
                  .clip_weight = plan.sweep.clip_weights.front(),
                  .background = data.background,
                  .window = data.window,
                  .stride = config::dataset_settings(config, data).stride};
  if (data.background) {
    plan.options.background_threshold = plan.sweep.background_thresholds.front();
  }
  describe(config, data, predictor, plan);
  return plan;
}

}  // namespace tagalign::jobs
