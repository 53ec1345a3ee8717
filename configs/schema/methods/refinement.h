/// `refine:` of an evaluation: how a map of scores is sharpened by its image. Pure.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "configs/schema/document/rule.h"

namespace tagalign::config {

/// What the method's preset says.
struct RefinePreset {
  static constexpr std::string_view kName = "preset";

  bool operator==(const RefinePreset&) const = default;
};

struct RefineNone {
  static constexpr std::string_view kName = "none";

  bool operator==(const RefineNone&) const = default;
};

/// Pixel-adaptive mask refinement (Araslanov and Roth, CVPR 2020), by default as TCL uses it.
struct RefinePamr {
  static constexpr std::string_view kName = "pamr";

  int iterations = 10;
  std::vector<int> dilations = {1, 2, 4, 8, 12, 24};

  bool operator==(const RefinePamr&) const = default;
};

using RefineChoice = std::variant<RefinePreset, RefineNone, RefinePamr>;

template <class V>
void visit_fields(V&, RefinePreset&) {}
template <class V>
void visit_fields(V&, RefineNone&) {}
template <class V>
void visit_fields(V& v, RefinePamr& c) {
  v.field("iterations", c.iterations, Rule("passes over the map").between(0, 1000));
  v.field("dilations", c.dilations,
          Rule("distances of the eight neighbours").required().between(1, 1024).in("pixels"));
}

/// "none", "pamr(10;8,16)".
std::string describe(const RefineChoice& refine);

}  // namespace tagalign::config
