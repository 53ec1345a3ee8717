/// ResCLIP's section of an evaluation (Yang et al., CVPR 2025): a head whose attention is blended
/// with that of earlier blocks (rcs, residual cross-correlation self-attention) and with its own
/// first answer (sfr, semantic feedback refinement), under the heads' protocol. Pure.
///
/// Source: the authors' code.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "configs/schema/document/rule.h"
#include "configs/schema/methods/heads.h"
#include "configs/schema/methods/preset.h"

namespace tagalign::config {

/// temperature · ((1 − weight) · own + weight · other)
struct AttentionBlend {
  double temperature = 1.0;
  double weight = 0.0;

  bool operator==(const AttentionBlend&) const = default;
};

/// Unset: as the section has it.
struct AttentionBlendChange {
  std::optional<double> temperature;
  std::optional<double> weight;

  bool operator==(const AttentionBlendChange&) const = default;
};

/// The keys of both.
template <class V, class Blend>
void visit_blend(V& v, Blend& c) {
  v.field("temperature", c.temperature, Rule("factor of what is blended").above(0));
  v.field("weight", c.weight, Rule("share of what joins the head's own attention").between(0, 1));
}
template <class V>
void visit_fields(V& v, AttentionBlend& c) {
  visit_blend(v, c);
}
template <class V>
void visit_fields(V& v, AttentionBlendChange& c) {
  visit_blend(v, c);
}

/// What differs from data set to data set; unset: the section's own.
struct ResClipDataset {
  HeadDataset protocol;
  AttentionBlendChange rcs;
  AttentionBlendChange sfr;
  std::optional<double> feedback_threshold;
  std::optional<bool> delete_same_entity;

  bool operator==(const ResClipDataset&) const = default;
};

struct ResClipEvaluation {
  static constexpr std::string_view kName = "resclip";
  static constexpr bool kTrained = false;
  static constexpr bool kNeedsClip = true;

  /// A remainder of a window is dropped, and its own map of data sets stays empty.
  HeadSettings settings = {
      .attention = HeadAttention::kKeyNeighbours, .residual = false, .straight_to_original = false};
  std::vector<int> blocks = {5, 6, 7, 8};
  AttentionBlend rcs = {.temperature = 2.0, .weight = 0.4};
  AttentionBlend sfr = {.temperature = 1.8, .weight = 0.7};
  double feedback_threshold = 0.25;
  bool delete_same_entity = true;
  std::map<std::string, ResClipDataset> datasets;

  bool operator==(const ResClipEvaluation&) const = default;

  /// With what `dataset` says.
  ResClipEvaluation on(const std::string& dataset) const;

  /// Thresholds of the background stand in the data sets' files.
  static EvaluationPreset preset() {
    return {.name = std::string(kName),
            .short_side = 336,
            .window = 224,
            .stride = 112,
            .templates = {"full"},
            .pixels = PixelStatistics::kClipRounded};
  }
  static std::vector<std::string> files() { return {}; }
  static double mix() { return 1.0; }
  ResClipEvaluation effective() const { return *this; }
  /// An attention that feedback can join, and blocks in ascending order.
  void check(const std::string& path, Findings& findings) const;
};

template <class V, class Values>
void visit_feedback(V& v, Values& c) {
  v.section("rcs", c.rcs, "blend with the mean attention of `blocks`, after the softmax");
  v.section("sfr", c.sfr, "blend with the feedback of the first answer, before the softmax");
  v.field("feedback_threshold", c.feedback_threshold,
          Rule("a pixel whose best query has a smaller share of the softmax counts for the first "
               "query in the feedback")
              .between(0, 1));
  v.field("delete_same_entity", c.delete_same_entity,
          Rule("patches of one query weigh less, by their distance, where the straight way between "
               "them meets another query"));
}

template <class V>
void visit_fields(V& v, ResClipDataset& c) {
  visit_fields(v, c.protocol);
  visit_feedback(v, c);
}

template <class V>
void visit_fields(V& v, ResClipEvaluation& c) {
  v.field(
      "attention", c.settings.attention,
      Rule("the head that is built upon; not identity or neighbours, which compare no patches"));
  v.field("residual", c.settings.residual,
          Rule("false: the last block has neither residual nor MLP"));
  v.field(
      "gaussian_std", c.settings.gaussian_std,
      Rule("width of the neighbourhood of key_neighbours, and along the row-by-row order of the "
           "patches that of the feedback's smoothing")
          .above(0)
          .in("patches"));
  v.field("blocks", c.blocks,
          Rule("blocks of the image encoder, from 0, whose attention is averaged; all before the "
               "last")
              .required()
              .between(0, 1000));
  visit_feedback(v, c);
  visit_common_protocol(v, c.settings);
  v.map("datasets", c.datasets, "by the data set's name, where it differs from the above");
}

}  // namespace tagalign::config
