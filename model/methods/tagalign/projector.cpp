#include "model/methods/tagalign/projector.h"

#include <ATen/core/grad_mode.h>
#include <fmt/ranges.h>

#include <cmath>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/format.h"
#include "model/methods/tagalign/projector_layers.h"
#include "model/methods/tagalign/reference_names.h"

namespace tagalign::model {
namespace {

std::string shape_text(const at::Tensor& tensor) {
  return format("[{}]", fmt::join(tensor.sizes().begin(), tensor.sizes().end(), ", "));
}

/// What stands in the way of loading, and what to copy where.
struct LoadPlan {
  std::vector<std::string> problems;
  std::vector<std::pair<at::Tensor, at::Tensor>> copies;  // {parameter, source}
};

/// Under either branch's names, understood or not.
bool is_projector(const std::string& name) {
  return name.starts_with("projector.") || name.starts_with("decoder.");
}

LoadPlan plan_load(const Parameters& parameters, const StateDict& weights) {
  StateDict unused;  // by branch main's names
  std::map<std::string, std::string> spelling;
  for (const auto& [name, tensor] : weights) {
    if (!is_projector(name)) continue;
    unused[main_name(name)] = tensor;
    spelling[main_name(name)] = name;
  }
  LoadPlan plan;
  for (const Parameter& parameter : parameters) {
    const auto found = unused.extract(parameter.name);
    if (found.empty()) {
      plan.problems.push_back(format("'{}' is missing", parameter.name));
    } else if (found.mapped().sizes() != parameter.tensor.sizes()) {
      plan.problems.push_back(format("'{}' should have shape {}, found {}",
                                     spelling.at(parameter.name), shape_text(parameter.tensor),
                                     shape_text(found.mapped())));
    } else {
      plan.copies.emplace_back(parameter.tensor, found.mapped());
    }
  }
  for (const auto& [name, tensor] : unused) {
    plan.problems.push_back(format("'{}' is unexpected", spelling.at(name)));
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
