#include "model/methods/tagalign/reference_names.h"

#include <array>
#include <string_view>
#include <utility>

#include "base/format.h"

namespace tagalign::model {
namespace {

constexpr std::string_view kMainPrefix = "projector.";
constexpr std::string_view kDevPrefix = "decoder.";
constexpr std::string_view kLayers = "projector.projector.";
constexpr std::string_view kProjection = "projector.clip_proj.";
constexpr std::string_view kDevLayers = "decoder.decoder.";
constexpr std::string_view kDevProjection = "decoder.clip_proj.";
constexpr std::string_view kDevImageProjection = "decoder.image_proj.";
constexpr std::string_view kLabelEmbedding = "label_embedding";

/// `name` with `to` in place of the prefix `from`; empty when it does not begin so.
std::string swapped(const std::string& name, std::string_view from, std::string_view to) {
  if (!name.starts_with(from)) return {};
  return std::string(to) + name.substr(from.size());
}

}  // namespace

Result<Naming> naming_from_name(const std::string& name) {
  if (name == "main") return Naming::kMain;
  if (name == "dev") return Naming::kDev;
  return invalid_argument(format("naming '{}' is not known: expected main or dev", name));
}

std::string naming_name(Naming naming) {
  return naming == Naming::kMain ? "main" : "dev";
}

Naming naming_of(const StateDict& tensors) {
  for (const auto& [name, tensor] : tensors) {
    if (name.starts_with(kDevPrefix)) return Naming::kDev;
    if (name.starts_with(kMainPrefix)) return Naming::kMain;
  }
  return Naming::kMain;
}

std::string main_name(const std::string& name) {
  for (const auto& [from, to] :
       {std::pair{kDevLayers, kLayers}, std::pair{kDevProjection, kProjection},
        std::pair{kDevImageProjection, kProjection}}) {
    if (auto spelled = swapped(name, from, to); !spelled.empty()) return spelled;
  }
  return name;
}

std::string dev_name(const std::string& name, ProjectorKind kind) {
  const auto projection = kind == ProjectorKind::kGDecoder ? kDevImageProjection : kDevProjection;
  for (const auto& [from, to] :
       {std::pair{kLayers, kDevLayers}, std::pair{kProjection, projection}}) {
    if (auto spelled = swapped(name, from, to); !spelled.empty()) return spelled;
  }
  return name;
}

bool is_trained(const std::string& name) {
  return name.starts_with(kMainPrefix) || name.starts_with(kDevPrefix) ||
         name == "cl_loss.logit_scale" || name == "ce_loss.logit_scale" || name == kAttributeScale;
}

bool is_exported(const std::string& name) {
  return is_trained(name) || name == kLabelEmbedding;
}

StateDict exported_tensors(const StateDict& tensors) {
  StateDict exported;
  for (const auto& [name, tensor] : tensors) {
    if (is_exported(name)) exported[main_name(name)] = tensor;
  }
  return exported;
}

StateDict renamed(const StateDict& tensors, Naming naming, ProjectorKind kind) {
  if (naming == Naming::kMain) return tensors;
  StateDict spelled;
  for (const auto& [name, tensor] : tensors) spelled[dev_name(name, kind)] = tensor;
  return spelled;
}

Result<ProjectorShape> projector_shape_of(const StateDict& tensors) {
  const std::string prefix(kLayers);
  int layers = 0;
  while (tensors.contains(format("{}net.{}.gate.gate", prefix, layers)) ||
         tensors.contains(format("{}net.{}.conv.gate.gate", prefix, layers)))
    ++layers;
  const auto kind = layers > 0 ? ProjectorKind::kGDecoder : ProjectorKind::kTransformer;
  while (kind == ProjectorKind::kTransformer &&
         tensors.contains(format("{}{}.norm1.weight", prefix, layers)))
    ++layers;
  if (layers == 0)
    return invalid_argument(
        format("it holds no projector (no tensor below {} or {})", kLayers, kDevLayers));
  const auto projection = tensors.find(std::string(kProjection) + "proj");
  if (projection == tensors.end() || projection->second.dim() != 2) {
    return invalid_argument(
        format("its projector has no matrix {}proj, expected [width, embedding]", kProjection));
  }
  return ProjectorShape{kind, layers, projection->second.size(0)};
}

}  // namespace tagalign::model
