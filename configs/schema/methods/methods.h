/// The methods that a training or an evaluation can choose: `method: {name: tagalign, …}`. A new
/// one is a header beside this one and a word in a list below; the model's half is a row of
/// model/methods/registry.cpp under the same name.
///
/// A struct of training has kName, kNeedsClip, needs_tags(), late_step() and check(), and a section
/// `attributes` with a weight where it can learn them. One of evaluation has kName, kTrained (its
/// weights come from a checkpoint), kNeedsClip, files() (what it reads beside them, as its section
/// names it), preset(), mix(), effective() and check(). Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "configs/schema/methods/clip.h"
#include "configs/schema/methods/clip_surgery.h"
#include "configs/schema/methods/groupvit.h"
#include "configs/schema/methods/heads.h"
#include "configs/schema/methods/ovsegmentor.h"
#include "configs/schema/methods/proxyclip.h"
#include "configs/schema/methods/resclip.h"
#include "configs/schema/methods/tagalign.h"
#include "configs/schema/methods/tcl.h"

namespace tagalign::config {

using TrainingMethod = std::variant<TagAlignTraining, TclTraining, GroupVitTraining>;
using EvaluationMethod =
    std::variant<TagAlignEvaluation, ClipEvaluation, TclEvaluation, GroupVitEvaluation,
                 OvSegmentorEvaluation, PlainHeadEvaluation, MaskClipEvaluation, SclipEvaluation,
                 NaclipEvaluation, ClearClipEvaluation, ClipSurgeryEvaluation, ProxyClipEvaluation,
                 ResClipEvaluation>;

template <class... Ts>
std::string_view method_name(const std::variant<Ts...>& method) {
  return std::visit([](const auto& chosen) { return chosen.kName; }, method);
}

inline bool needs_tags(const TrainingMethod& method) {
  return std::visit([](const auto& chosen) { return chosen.needs_tags(); }, method);
}
template <class... Ts>
bool needs_clip(const std::variant<Ts...>& method) {
  return std::visit([](const auto& chosen) { return chosen.kNeedsClip; }, method);
}
/// Of the loss of data.attributes; unset: the method has no such loss.
inline std::optional<double> attribute_weight(const TrainingMethod& method) {
  return std::visit(
      [](const auto& chosen) -> std::optional<double> {
        if constexpr (requires { chosen.attributes.weight; }) return chosen.attributes.weight;
        return std::nullopt;
      },
      method);
}
inline bool learns_attributes(const TrainingMethod& method) {
  return attribute_weight(method).value_or(0.0) > 0.0;
}
/// First step of the parameters that wait; 0: none waits.
inline std::uint64_t late_step(const TrainingMethod& method) {
  return std::visit([](const auto& chosen) { return chosen.late_step(); }, method);
}
/// The key because of which ranks go on with gradients of their own; empty: all have the average.
inline std::string_view own_gradients_key(const TrainingMethod& method) {
  return std::visit(
      [](const auto& chosen) -> std::string_view {
        if constexpr (requires { chosen.own_gradients_key(); }) return chosen.own_gradients_key();
        return {};
      },
      method);
}
inline bool is_trained(const EvaluationMethod& method) {
  return std::visit([](const auto& chosen) { return chosen.kTrained; }, method);
}
inline EvaluationPreset preset_of(const EvaluationMethod& method) {
  return std::visit([](const auto& chosen) { return chosen.preset(); }, method);
}
/// Paths of other files that predictions depend on: a second encoder, a vocabulary.
inline std::vector<std::string> files_of(const EvaluationMethod& method) {
  return std::visit([](const auto& chosen) { return chosen.files(); }, method);
}
/// Share of the frozen map that the method mixes in.
inline double mix_of(const EvaluationMethod& method) {
  return std::visit([](const auto& chosen) { return chosen.mix(); }, method);
}
inline EvaluationMethod effective(const EvaluationMethod& method) {
  return std::visit([](const auto& chosen) -> EvaluationMethod { return chosen.effective(); },
                    method);
}
template <class... Ts>
void check_method(const std::variant<Ts...>& method, Findings& findings) {
  std::visit([&](const auto& chosen) { chosen.check("method", findings); }, method);
}

}  // namespace tagalign::config
