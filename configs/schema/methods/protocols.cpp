#include "configs/schema/methods/protocols.h"

namespace tagalign::config {
namespace {

/// What a protocol says where nobody else does.
struct ProtocolDefaults {
  bool softmax = false;
  double scale = 0.0;
  double bias = 0.0;
  double clip_weight = 0.0;
  int stride = 0;
  std::optional<double> background_threshold = std::nullopt;
};

const ProtocolDefaults& defaults_of(Protocol protocol) {
  static const ProtocolDefaults v1{
      .scale = 10.0, .bias = -2.5, .clip_weight = 0.3, .stride = 224, .background_threshold = 0.4};
  static const ProtocolDefaults v3{
      .softmax = true, .scale = 30.0, .clip_weight = 0.5, .stride = 56};
  return protocol == Protocol::kV3 ? v3 : v1;
}

}  // namespace

ScoreSettings score_settings(const EvaluateConfig& config) {
  const ProtocolDefaults& defaults = defaults_of(config.protocol);
  return {.softmax = defaults.softmax,
          .scale = config.scale.value_or(defaults.scale),
          .bias = defaults.softmax ? 0.0 : config.bias.value_or(defaults.bias),
          .clip_weight = config.clip_weight.value_or(defaults.clip_weight)};
}

DatasetSettings dataset_settings(const EvaluateConfig& config, const SegmentationDataConfig& data) {
  const ProtocolDefaults& defaults = defaults_of(config.protocol);
  const ProtocolDataConfig& own = config.protocol == Protocol::kV3 ? data.v3 : data.v1;
  DatasetSettings settings;
  settings.background_threshold = data.background_threshold;
  if (!settings.background_threshold) settings.background_threshold = own.background_threshold;
  if (!settings.background_threshold) {
    settings.background_threshold = defaults.background_threshold;
  }
  settings.stride = data.stride.value_or(own.stride.value_or(defaults.stride));
  settings.in_reference = own.in_reference;
  settings.templates = config.templates.empty() ? data.templates : config.templates;
  return settings;
}

EvaluateConfig effective(EvaluateConfig config) {
  const ScoreSettings scores = score_settings(config);
  config.scale = scores.scale;
  if (!scores.softmax) config.bias = scores.bias;
  config.clip_weight = scores.clip_weight;
  for (SegmentationDataConfig& data : config.datasets) {
    const DatasetSettings settings = dataset_settings(config, data);
    if (data.background) data.background_threshold = settings.background_threshold;
    data.stride = settings.stride;
    data.templates = settings.templates;
  }
  return config;
}

}  // namespace tagalign::config
