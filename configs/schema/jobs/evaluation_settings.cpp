#include "configs/schema/jobs/evaluation_settings.h"

namespace tagalign::config {
namespace {

/// The first that is set.
template <class T>
std::optional<T> first_set(const std::optional<T>& first, const std::optional<T>& second) {
  return first ? first : second;
}

std::vector<std::string> first_filled(std::vector<std::string> first,
                                      std::vector<std::string> second) {
  return first.empty() ? std::move(second) : std::move(first);
}

RefineChoice refine_of(const EvaluateConfig& config, const EvaluationPreset& preset) {
  return std::holds_alternative<RefinePreset>(config.refine) ? preset.refine : config.refine;
}

std::optional<double> threshold_of(const EvaluationPreset& preset, const RefineChoice& refine) {
  if (!std::holds_alternative<RefineNone>(refine)) return preset.background_threshold;
  return first_set(preset.background_threshold_unrefined, preset.background_threshold);
}

}  // namespace

DatasetSettings dataset_settings(const EvaluateConfig& config, const SegmentationDataConfig& data) {
  const EvaluationPreset preset = preset_of(config.method);
  const RefineChoice refine = refine_of(config, preset);
  const auto found = data.protocols.find(preset.name);
  const ProtocolDataConfig own =
      found == data.protocols.end() ? ProtocolDataConfig{} : found->second;
  return {.background_threshold =
              first_set(first_set(data.background_threshold, own.background_threshold),
                        threshold_of(preset, refine)),
          .short_side = first_set(data.short_side, own.short_side).value_or(preset.short_side),
          .window = first_set(data.window, own.window).value_or(preset.window),
          .stride = first_set(data.stride, own.stride).value_or(preset.stride),
          .in_reference = own.in_reference,
          .templates = first_filled(
              config.templates,
              first_filled(data.templates, first_filled(own.templates, preset.templates))),
          .class_prompts = own.class_prompts,
          .refine = refine};
}

std::string row_label(const EvaluateConfig& config) {
  return config.label.empty() ? std::string(method_name(config.method)) : config.label;
}

EvaluateConfig effective(EvaluateConfig config) {
  config.refine = refine_of(config, preset_of(config.method));
  config.method = effective(config.method);
  for (SegmentationDataConfig& data : config.datasets) {
    const DatasetSettings settings = dataset_settings(config, data);
    if (data.background) data.background_threshold = settings.background_threshold;
    data.short_side = settings.short_side;
    data.window = settings.window;
    data.stride = settings.stride;
    data.templates = settings.templates;
  }
  return config;
}

}  // namespace tagalign::config
