/// Sections of the training-free heads over a frozen CLIP: CLIP itself, MaskCLIP, SCLIP, NACLIP and
/// ClearCLIP. They share every key, and start from their authors' values. Pure.
///
/// Source: the authors' code, as published with the papers of these names.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "configs/schema/document/choices.h"
#include "configs/schema/document/rule.h"
#include "configs/schema/methods/preset.h"

namespace tagalign::config {

/// What weighs the values of the last block; model/clip/last_block.h has the formulas.
enum class HeadAttention : std::uint8_t {
  kQueryKey,
  kIdentity,
  kQueryPlusKey,
  kKeyNeighbours,
  kKey,
  kNeighbours,
  kQuery,
};
enum class PositionResize : std::uint8_t { kBicubic, kBicubicScale };
enum class WindowRemainder : std::uint8_t { kDrop, kPad };

template <>
struct WordsOf<HeadAttention> {
  static constexpr std::array<std::string_view, 7> kWords = {
      "query_key", "identity", "query_plus_key", "key_neighbours", "key", "neighbours", "query"};
};
template <>
struct WordsOf<PositionResize> {
  static constexpr std::array<std::string_view, 2> kWords = {"bicubic", "bicubic_scale"};
};
template <>
struct WordsOf<WindowRemainder> {
  static constexpr std::array<std::string_view, 2> kWords = {"drop", "pad"};
};

/// What differs from data set to data set; unset: the section's own.
struct HeadDataset {
  std::optional<double> scale;
  std::optional<double> area_threshold;

  bool operator==(const HeadDataset&) const = default;
};

template <class V>
void visit_fields(V& v, HeadDataset& c) {
  v.field("scale", c.scale, Rule("factor of the cosines before the softmax").above(0));
  v.field(
      "area_threshold", c.area_threshold,
      Rule("a foreground class with no larger share of the foreground is dropped").between(0, 1));
}

struct HeadSettings {
  HeadAttention attention = HeadAttention::kQueryKey;
  bool residual = true;
  double gaussian_std = 5.0;
  double scale = 40.0;
  double area_threshold = 0.0;
  std::string separator = ", ";
  PositionResize positions = PositionResize::kBicubicScale;
  WindowRemainder remainder = WindowRemainder::kDrop;
  bool straight_to_original = true;
  std::map<std::string, HeadDataset> datasets;

  bool operator==(const HeadSettings&) const = default;

  /// With what `dataset` says.
  HeadSettings on(const std::string& dataset) const;
  HeadSettings with(const HeadDataset& dataset) const;
};

/// What the heads' protocol makes of cosines on any data set, whatever their last block is.
template <class V>
void visit_common_protocol(V& v, HeadSettings& c) {
  v.field("scale", c.scale, Rule("factor of the cosines before the softmax over queries").above(0));
  v.field("area_threshold", c.area_threshold,
          Rule("a class other than the first whose share of what these cover is no larger is "
               "dropped from an image; 0: none")
              .between(0, 1));
  v.field("separator", c.separator,
          Rule("between the names of one class, each a query of its own; empty: a class is one "
               "query"));
  v.field("positions", c.positions,
          Rule("how the positional embedding reaches another grid: bicubic to its size, or sampled "
               "as for one 0.1 patches larger"));
  v.field("straight_to_original", c.straight_to_original,
          Rule("a window that is the whole image goes from its grid to the image's size in one "
               "step"));
}

/// And on single ones, where these differ in nothing else.
template <class V>
void visit_protocol(V& v, HeadSettings& c) {
  visit_common_protocol(v, c);
  v.map("datasets", c.datasets, "by the data set's name, where it differs from the above");
}

template <class V>
void visit_fields(V& v, HeadSettings& c) {
  v.field("attention", c.attention, Rule("what weighs the values of the last block"));
  v.field("residual", c.residual, Rule("false: the last block has neither residual nor MLP"));
  v.field(
      "gaussian_std", c.gaussian_std,
      Rule("width of the neighbourhood, for key_neighbours and neighbours").above(0).in("patches"));
  v.field(
      "remainder", c.remainder,
      Rule("pixels of a window beyond its last whole patch: drop, or pad with zeros around it"));
  visit_protocol(v, c);
}

/// A head's own values: what its section begins with, and its protocol.
struct HeadDefaults {
  HeadSettings settings;
  EvaluationPreset preset;
};
HeadDefaults plain_head();
HeadDefaults maskclip_head();
HeadDefaults sclip_head();
HeadDefaults naclip_head();
HeadDefaults clearclip_head();

/// The section of the head whose values `defaults` gives.
template <HeadDefaults (*defaults)()>
struct HeadEvaluation {
  static constexpr bool kTrained = false;
  static constexpr bool kNeedsClip = true;

  HeadSettings settings = defaults().settings;

  bool operator==(const HeadEvaluation&) const = default;

  static EvaluationPreset preset() { return defaults().preset; }
  static std::vector<std::string> files() { return {}; }
  static double mix() { return 1.0; }
  static void check(const std::string& /*path*/, Findings& /*findings*/) {}
};

struct PlainHeadEvaluation : HeadEvaluation<plain_head> {
  static constexpr std::string_view kName = "clip-head";
  PlainHeadEvaluation effective() const { return *this; }
};
struct MaskClipEvaluation : HeadEvaluation<maskclip_head> {
  static constexpr std::string_view kName = "maskclip";
  MaskClipEvaluation effective() const { return *this; }
};
struct SclipEvaluation : HeadEvaluation<sclip_head> {
  static constexpr std::string_view kName = "sclip";
  SclipEvaluation effective() const { return *this; }
};
struct NaclipEvaluation : HeadEvaluation<naclip_head> {
  static constexpr std::string_view kName = "naclip";
  NaclipEvaluation effective() const { return *this; }
};
struct ClearClipEvaluation : HeadEvaluation<clearclip_head> {
  static constexpr std::string_view kName = "clearclip";
  ClearClipEvaluation effective() const { return *this; }
};

template <class V>
void visit_fields(V& v, PlainHeadEvaluation& c) {
  visit_fields(v, c.settings);
}
template <class V>
void visit_fields(V& v, MaskClipEvaluation& c) {
  visit_fields(v, c.settings);
}
template <class V>
void visit_fields(V& v, SclipEvaluation& c) {
  visit_fields(v, c.settings);
}
template <class V>
void visit_fields(V& v, NaclipEvaluation& c) {
  visit_fields(v, c.settings);
}
template <class V>
void visit_fields(V& v, ClearClipEvaluation& c) {
  visit_fields(v, c.settings);
}

}  // namespace tagalign::config
