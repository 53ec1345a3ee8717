#include "configs/schema/methods/similarity_scores.h"

#include "base/format.h"

namespace tagalign::config {
namespace {

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

ScoreSettings SimilarityScores::settings() const {
  const ProtocolDefaults& defaults = defaults_of(protocol);
  return {.softmax = defaults.softmax,
          .scale = scale.value_or(defaults.scale),
          .bias = defaults.softmax ? 0.0 : bias.value_or(defaults.bias)};
}

EvaluationPreset SimilarityScores::preset() const {
  const ProtocolDefaults& defaults = defaults_of(protocol);
  return {.name = std::string(word(protocol)),
          .background_threshold = defaults.background_threshold,
          .stride = defaults.stride};
}

double SimilarityScores::clip_weight() const {
  return defaults_of(protocol).clip_weight;
}

SimilarityScores SimilarityScores::effective() const {
  const ScoreSettings decided = settings();
  SimilarityScores out = *this;
  out.scale = decided.scale;
  if (!decided.softmax) out.bias = decided.bias;
  return out;
}

void SimilarityScores::check(const std::string& path, Findings& findings) const {
  if (protocol != Protocol::kV3 || !bias) return;
  findings.push_back(
      {path + ".bias", format("protocol v3 has none; expected null, found {}", *bias)});
}

}  // namespace tagalign::config
