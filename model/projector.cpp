#include "model/projector.h"

#include <ATen/core/grad_mode.h>
#include <fmt/ranges.h>

#include <cmath>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "base/format.h"
#include "model/projector_layers.h"

namespace tagalign::model {
namespace {

constexpr char kNamesMain[] = "projector.";
constexpr char kNamesDev[] = "decoder.";

/// Branch dev's spelling of a name of branch main. Its GDecoder calls the projection image_proj.
std::vector<std::string> spellings(const std::string& name) {
  std::vector<std::string> all = {name};
  const auto add_if = [&](const std::string& main_prefix, const std::string& dev_prefix) {
    if (name.starts_with(main_prefix)) all.push_back(dev_prefix + name.substr(main_prefix.size()));
  };
  add_if("projector.projector.", "decoder.decoder.");
  add_if("projector.clip_proj.", "decoder.clip_proj.");
  add_if("projector.clip_proj.", "decoder.image_proj.");
  return all;
}

std::string shape_text(const at::Tensor& tensor) {
  return format("[{}]", fmt::join(tensor.sizes().begin(), tensor.sizes().end(), ", "));
}

/// What stands in the way of loading, and what to copy where.
struct LoadPlan {
  std::vector<std::string> problems;
  std::vector<std::pair<at::Tensor, at::Tensor>> copies;  // {parameter, source}
};

LoadPlan plan_load(const Parameters& parameters, const StateDict& weights) {
  LoadPlan plan;
  std::set<std::string> expected;
  for (const Parameter& parameter : parameters) {
    auto found = weights.end();
    for (const std::string& name : spellings(parameter.name)) {
      expected.insert(name);
      if (found == weights.end()) found = weights.find(name);
    }
    if (found == weights.end()) {
      plan.problems.push_back(format("'{}' is missing", parameter.name));
    } else if (found->second.sizes() != parameter.tensor.sizes()) {
      plan.problems.push_back(format("'{}' should have shape {}, found {}", found->first,
                                     shape_text(parameter.tensor), shape_text(found->second)));
    } else {
      plan.copies.emplace_back(parameter.tensor, found->second);
    }
  }
  for (const auto& [name, tensor] : weights) {
    const bool ours = name.starts_with(kNamesMain) || name.starts_with(kNamesDev);
    if (ours && !expected.contains(name)) {
      plan.problems.push_back(format("'{}' is unexpected", name));
    }
  }
  return plan;
}

}  // namespace

Result<ProjectorKind> projector_kind_from_name(const std::string& name) {
  if (name == "gdecoder") return ProjectorKind::kGDecoder;
  if (name == "transformer") return ProjectorKind::kTransformer;
  return invalid_argument(
      format("projector '{}' is not known: expected gdecoder or transformer", name));
}

std::unique_ptr<Projector> make_projector(const ProjectorShape& shape, const ClipProjection& frozen,
                                          std::uint64_t seed) {
  TA_CHECK(shape.layers > 0 && shape.width == frozen.proj.size(0),
           "a projector needs a layer and the width of the frozen projection");
  return shape.kind == ProjectorKind::kGDecoder ? make_gdecoder(shape, frozen, seed)
                                                : make_transformer_projector(shape, frozen, seed);
}

Status load_projector(Projector& projector, const StateDict& weights) {
  const LoadPlan plan = plan_load(projector.parameters(), weights);
  if (!plan.problems.empty()) {
    constexpr std::size_t kShown = 5;
    const std::size_t shown = std::min(kShown, plan.problems.size());
    return invalid_argument(format(
        "loading projector weights: {}{}; check that the weights belong to this projector "
        "kind, layer count and CLIP width",
        fmt::join(plan.problems.begin(), plan.problems.begin() + static_cast<std::ptrdiff_t>(shown),
                  ", "),
        shown < plan.problems.size() ? format(" and {} more problems", plan.problems.size() - shown)
                                     : ""));
  }
  const at::NoGradGuard no_grad;
  for (const auto& [parameter, source] : plan.copies) parameter.copy_(source);
  return ok_status();
}

}  // namespace tagalign::model
