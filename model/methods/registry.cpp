#include <fmt/ranges.h>

#include <array>
#include <vector>

#include "base/format.h"
#include "model/methods/clip/frozen.h"
#include "model/methods/clip_surgery/clip_surgery.h"
#include "model/methods/groupvit/groupvit.h"
#include "model/methods/heads/heads.h"
#include "model/methods/method.h"
#include "model/methods/ovsegmentor/ovsegmentor.h"
#include "model/methods/proxyclip/proxyclip.h"
#include "model/methods/resclip/resclip.h"
#include "model/methods/tagalign/tagalign.h"
#include "model/methods/tcl/tcl.h"

namespace tagalign::model {
namespace {

constexpr std::array kMethods = {
    Method{.name = "clip",
           .needs_clip = true,
           .weights = nullptr,
           .objective = nullptr,
           .dense_model = frozen_model},
    Method{.name = "clip-surgery",
           .needs_clip = true,
           .weights = nullptr,
           .objective = nullptr,
           .dense_model = clip_surgery_model},
    Method{.name = "tagalign",
           .needs_clip = true,
           .weights = &kTagAlignWeights,
           .objective = tagalign_objective,
           .dense_model = tagalign_model},
    Method{.name = "clip-head",
           .needs_clip = true,
           .weights = nullptr,
           .objective = nullptr,
           .dense_model = head_model},
    Method{.name = "maskclip",
           .needs_clip = true,
           .weights = nullptr,
           .objective = nullptr,
           .dense_model = head_model},
    Method{.name = "sclip",
           .needs_clip = true,
           .weights = nullptr,
           .objective = nullptr,
           .dense_model = head_model},
    Method{.name = "naclip",
           .needs_clip = true,
           .weights = nullptr,
           .objective = nullptr,
           .dense_model = head_model},
    Method{.name = "clearclip",
           .needs_clip = true,
           .weights = nullptr,
           .objective = nullptr,
           .dense_model = head_model},
    Method{.name = "proxyclip",
           .needs_clip = true,
           .weights = nullptr,
           .objective = nullptr,
           .dense_model = proxyclip_model},
    Method{.name = "resclip",
           .needs_clip = true,
           .weights = nullptr,
           .objective = nullptr,
           .dense_model = resclip_model},
    Method{.name = "tcl",
           .needs_clip = true,
           .weights = &kTclWeights,
           .objective = tcl_objective,
           .dense_model = tcl_model},
    Method{.name = "groupvit",
           .needs_clip = false,
           .weights = &kGroupVitWeights,
           .objective = groupvit_objective,
           .dense_model = groupvit_model},
    Method{.name = "ovsegmentor",
           .needs_clip = false,
           .weights = &kOvSegmentorWeights,
           .objective = nullptr,
           .dense_model = ovsegmentor_model},
};

}  // namespace

std::span<const Method> all_methods() {
  return kMethods;
}

Result<const Method*> find_method(std::string_view name) {
  std::vector<std::string_view> known;
  for (const Method& method : kMethods) {
    if (method.name == name) return &method;
    known.push_back(method.name);
  }
  return invalid_argument(
      format("method '{}' is not known: expected one of {}", name, fmt::join(known, ", ")));
}

}  // namespace tagalign::model
