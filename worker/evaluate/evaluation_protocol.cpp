#include "worker/evaluate/evaluation_protocol.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/checksum.h"
#include "base/format.h"
#include "configs/schema/methods/template_sets.h"
#include "worker/evaluate/evaluation_revision.h"

namespace tagalign::jobs {
namespace {

using config::EvaluateConfig;
using config::SegmentationDataConfig;
using wire::Setting;

/// Why the reference gives no number to compare with under this weight; empty: it gives one.
std::string missing_reference(const EvaluateConfig& config, const SegmentationDataConfig& data,
                              const model::DenseModel& model, double mix) {
  if (!config::dataset_settings(config, data).in_reference) {
    return format("the reference cannot evaluate {} under protocol {}", data.name,
                  config::preset_of(config.method).name);
  }
  return model.missing_reference(mix);
}

std::string digest_of(const std::vector<std::string>& texts) {
  constexpr std::size_t kDigitsShown = 8;
  Hasher128 hasher;
  for (const std::string& text : texts) hasher.update(format("{}:{}", text.size(), text));
  return hasher.digest().hex().substr(0, kDigitsShown);
}

/// How a data set is measured, whatever the method: part of each of its results.
std::vector<Setting> measurement(const EvaluateConfig& config, const SegmentationDataConfig& data,
                                 model::AttentionWay attention) {
  const config::DatasetSettings dataset = config::dataset_settings(config, data);
  std::vector<Setting> settings;
  const auto add = [&](std::string subject, std::string value) {
    settings.push_back({std::move(subject), std::move(value), false});
  };
  add("short_side", format("{}", dataset.short_side));
  add("long_side_max", format("{}", data.long_side_max));
  add("window", format("{}", dataset.window));
  add("stride", format("{}", dataset.stride));
  if (data.max_pixels > 0)
    add("max_pixels", format("{}/{}", data.max_pixels, data.max_pixels_side));
  if (data.reduce_zero_label) add("reduce_zero_label", "");
  if (config.runtime.precision != config::Precision::kFp32) {
    add("precision", format("{}", config.runtime.precision));
    add("bf16_revision", format("{}", kBf16Revision));
    if (attention == model::AttentionWay::kProducts) add("attention_products", "");
  }
  add("templates", describe_templates(dataset.templates));
  if (config.multilabel) add("multilabel", "");
  if (!dataset.class_prompts.empty()) add("class_prompts", digest_of(dataset.class_prompts));
  if (!std::holds_alternative<config::RefineNone>(dataset.refine))
    add("refine", config::describe(dataset.refine));
  return settings;
}

/// Fills protocols and notices.
void describe(const EvaluateConfig& config, const SegmentationDataConfig& data,
              const model::DenseModel& model, model::AttentionWay attention, EvaluationPlan& plan) {
  const std::vector<Setting> measured = measurement(config, data, attention);
  for (const double mix : plan.sweep.mixes) {
    std::vector<Setting> settings = {{"protocol", config::preset_of(config.method).name, false}};
    for (auto& own : model.settings(mix, data.name)) {
      settings.push_back({std::move(own.subject), std::move(own.value), own.of_method});
    }
    std::ranges::copy(measured, std::back_inserter(settings));
    const std::string missing = missing_reference(config, data, model, mix);
    if (!missing.empty()) {
      settings.push_back({"reference", "none", false});
      const std::string notice = missing + ": there is no number to compare with";
      if (plan.notices.empty() || plan.notices.back() != notice) plan.notices.push_back(notice);
    }
    if (plan.sweep.background_thresholds.empty()) plan.protocols.push_back(settings);
    for (const double threshold : plan.sweep.background_thresholds) {
      plan.protocols.push_back(settings);
      plan.protocols.back().push_back({"background", format("{}", threshold), false});
    }
  }
}

Result<model::SegmentationSweep> plan_sweep(const EvaluateConfig& config,
                                            const SegmentationDataConfig& data, bool mixes) {
  if (!config.sweep.clip_weights.empty() && !mixes) {
    return invalid_argument(
        "sweep.clip_weights: expected a method that mixes its map with the frozen one, as tagalign "
        "does, found one that does not");
  }
  model::SegmentationSweep sweep{config.sweep.clip_weights, {}};
  if (sweep.mixes.empty()) {
    sweep.mixes = {config::mix_of(config.method)};
  }
  if (!data.background) return sweep;
  sweep.background_thresholds = config.sweep.thresholds;
  if (!sweep.background_thresholds.empty()) return sweep;
  const auto threshold = config::dataset_settings(config, data).background_threshold;
  if (!threshold) {
    return invalid_argument(
        format("{}: protocol {} has no background threshold of its own; set background_threshold",
               data.name, config::preset_of(config.method).name));
  }
  sweep.background_thresholds = {*threshold};
  return sweep;
}

}  // namespace

std::string describe_templates(const std::vector<std::string>& templates) {
  const std::vector<std::string> prompts = config::expand_templates(templates);
  std::string names;
  for (const std::string& text : templates) {
    const std::string name = config::find_template_set(text) != nullptr ? text : "own";
    if (names == name || names.ends_with("+" + name)) continue;
    names += (names.empty() ? "" : "+") + name;
  }
  return format("{}({}):{}", names, prompts.size(), digest_of(prompts));
}

Result<EvaluationPlan> plan_evaluation(const EvaluateConfig& config,
                                       const SegmentationDataConfig& data,
                                       const model::DenseModel& model,
                                       model::AttentionWay attention) {
  const config::DatasetSettings settings = config::dataset_settings(config, data);
  EvaluationPlan plan;
  TA_ASSIGN_OR_RETURN(plan.sweep, plan_sweep(config, data, model.mixes()));
  plan.options = {
      .background = data.background, .window = settings.window, .stride = settings.stride};
  describe(config, data, model, attention, plan);
  return plan;
}

}  // namespace tagalign::jobs
