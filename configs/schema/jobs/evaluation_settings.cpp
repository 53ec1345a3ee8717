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

}  // namespace

DatasetSettings dataset_settings(const EvaluateConfig& config, const SegmentationDataConfig& data) {
  const EvaluationPreset preset = preset_of(config.method);
  const auto found = data.protocols.find(preset.name);
  const ProtocolDataConfig own =
      found == data.protocols.end() ? ProtocolDataConfig{} : found->second;
  return {.background_threshold =
              first_set(first_set(data.background_threshold, own.background_threshold),
                        preset.background_threshold),
          .short_side = first_set(data.short_side, own.short_side).value_or(preset.short_side),
          .window = first_set(data.window, own.window).value_or(preset.window),
          .stride = first_set(data.stride, own.stride).value_or(preset.stride),
          .in_reference = own.in_reference,
          .templates = first_filled(
              config.templates,
              first_filled(data.templates, first_filled(own.templates, preset.templates))),
          .class_prompts = own.class_prompts,
          .refine =
              std::holds_alternative<RefinePreset>(config.refine) ? preset.refine : config.refine};
}

std::string row_label(const EvaluateConfig& config) {
  return config.label.empty() ? std::string(method_name(config.method)) : config.label;
}

EvaluateConfig effective(EvaluateConfig config) {
  if (std::holds_alternative<RefinePreset>(config.refine))
    config.refine = preset_of(config.method).refine;
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
