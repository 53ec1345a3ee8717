/// TagAlign's section of a training and of an evaluation. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "configs/schema/methods/similarity_scores.h"

namespace tagalign::config {

struct ProjectorConfig {
  ProjectorKind kind = ProjectorKind::kGDecoder;
  int layers = 0;

  bool operator==(const ProjectorConfig&) const = default;
};

template <class V>
void visit_fields(V& v, ProjectorConfig& c) {
  v.field("kind", c.kind, Rule("architecture of the trained projector"));
  v.field("layers", c.layers,
          Rule("blocks of the projector; 0: the reference's (gdecoder 2, transformer 1)")
              .between(0, 16));
}

/// The number of layers, with 0 resolved.
constexpr int projector_layers(const ProjectorConfig& config) {
  if (config.layers != 0) return config.layers;
  return config.kind == ProjectorKind::kGDecoder ? 2 : 1;
}

/// The second list of tags that the paper's parser gives: how things look. The published code trains
/// on the first one alone, the objects.
struct AttributeLossConfig {
  double weight = 0.0;
  std::vector<std::string> templates = {"a photo of a {}."};

  bool operator==(const AttributeLossConfig&) const = default;
};

template <class V>
void visit_fields(V& v, AttributeLossConfig& c) {
  v.field("weight", c.weight,
          Rule("weight of the attributes' tag loss, which has a label embedding and a scale of its "
               "own; 0, as published: off; above 0 it needs data.attributes")
              .at_least(0));
  v.field("templates", c.templates,
          Rule("prompts behind the attributes' label embedding; {} is the attribute")
              .required()
              .affects_numbers_if(c.weight > 0, "if method.attributes.weight is above 0"));
}

struct TagAlignTraining {
  static constexpr std::string_view kName = "tagalign";
  static constexpr bool kNeedsClip = true;

  ProjectorConfig projector;
  double infonce_weight = 1.0;
  double multitag_weight = 1.0;
  std::vector<std::string> tag_templates = {"a photo of a {}."};
  AttributeLossConfig attributes;

  bool operator==(const TagAlignTraining&) const = default;

  static bool needs_tags() { return true; }
  static std::uint64_t late_step() { return 0; }
  void check(const std::string& path, Findings& findings) const;
};

template <class V>
void visit_fields(V& v, TagAlignTraining& c) {
  v.section("projector", c.projector, "what is trained on top of the frozen CLIP");
  v.field("infonce_weight", c.infonce_weight,
          Rule("weight of the image-caption loss; one of the weights is above 0").at_least(0));
  v.field("multitag_weight", c.multitag_weight, Rule("weight of the tag loss").at_least(0));
  v.field("tag_templates", c.tag_templates,
          Rule("prompts behind the label embedding; {} is the tag").required());
  v.section("attributes", c.attributes, "a second list of tags with a loss of its own");
}

struct TagAlignEvaluation {
  static constexpr std::string_view kName = "tagalign";
  static constexpr bool kTrained = true;
  static constexpr bool kNeedsClip = true;

  SimilarityScores scores;
  std::optional<double> clip_weight;

  bool operator==(const TagAlignEvaluation&) const = default;

  EvaluationPreset preset() const { return scores.preset(); }
  static std::vector<std::string> files() { return {}; }
  /// Share of the frozen map, decided.
  double mix() const { return clip_weight.value_or(scores.clip_weight()); }
  TagAlignEvaluation effective() const;
  void check(const std::string& path, Findings& findings) const { scores.check(path, findings); }
};

template <class V>
void visit_fields(V& v, TagAlignEvaluation& c) {
  visit_fields(v, c.scores);
  v.field("clip_weight", c.clip_weight,
          Rule("share of the frozen map in the mix; unset: v1 0.3, v3 0.5").between(0, 1));
}

}  // namespace tagalign::config
