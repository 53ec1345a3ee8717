// Both projectors on every grid: outputs, every gradient, and the names of both branches.
#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/format.h"
#include "model/methods/tagalign/projector.h"
#include "tests/golden/check/compare.h"
#include "tests/golden/check/groups.h"
#include "tests/golden/check/sources.h"
#include "tests/golden/check/tolerances.h"

namespace tagalign::golden {
namespace {

using model::Grid;
using model::Parameter;
using model::Projector;

constexpr char kInfo[] = "projector/projector.json";
constexpr char kInput[] = ".input";

std::unique_ptr<Projector> fresh(const Json& info, const std::string& kind) {
  const auto width = info.at("width").get<std::int64_t>();
  const auto embed = info.at("embed").get<std::int64_t>();
  const model::ClipProjection frozen{at::ones({width}), at::zeros({width}),
                                     at::zeros({width, embed})};
  return model::make_projector(projector_shape(info.at("configs").at(kind), kind, width), frozen,
                               /*seed=*/1);
}

/// nullptr after a line.
std::unique_ptr<Projector> loaded(Report& report, const Json& info, const std::string& kind,
                                  const Tensors& weights, const std::string& quantity) {
  auto projector = fresh(info, kind);
  const Status status = model::load_projector(*projector, weights);
  if (status.ok()) return projector;
  report.failed(quantity, status.message());
  return nullptr;
}

/// Our parameters, in their order, against the names and shapes of branch main.
void check_names(Report& report, const Json& info, const std::string& kind) {
  std::string ours, theirs;
  const auto projector = fresh(info, kind);
  for (const Parameter& parameter : projector->parameters()) {
    ours += parameter.name + shape_text(parameter.tensor.sizes()) + " ";
  }
  for (const auto& [name, shape] : info.at("names_v1").at(kind).items()) {
    theirs += name + shape_text(shape.get<std::vector<std::int64_t>>()) + " ";
  }
  report.equal(kind + ": names and shapes of branch main, in order", ours, theirs);
}

/// A whole gradient, or the stored sample of it with norm and sum.
void check_gradient(Folder& folder, Report& report, const std::string& kind, TensorFile& golden,
                    const std::string& name, const at::Tensor& gradient) {
  const std::string quantity = kind + " " + name;
  if (golden.has(name) || !golden.has(name + "#sample")) {
    return compare_tensor(report, quantity, gradient, golden, name, bounds::kProjectorGradient);
  }
  const at::Tensor* index = golden.find(name + "#index");
  if (index == nullptr) return;
  const at::Tensor flat = gradient.flatten();
  compare_tensor(report, quantity + "#sample", flat.index_select(0, index->to(at::kLong)), golden,
                 name + "#sample", bounds::kProjectorGradient);
  const Json& info = *folder.json(kInfo);
  if (!info.at("summary").contains(kind + "." + name)) {
    return report.missing(quantity + " norm and sum", format("{} lacks them", kInfo));
  }
  const Json& whole = info.at("summary").at(kind + "." + name);
  const at::Tensor exact = flat.to(at::kDouble);
  const double norm = whole.at("l2");
  report.number(quantity + " norm", exact.norm().item<double>(), norm, bounds::kProjectorGradient);
  // The entries of such a gradient nearly cancel: their sum strays as their norm does.
  report.number(quantity + " sum", exact.sum().item<double>(), whole.at("sum"),
                {.absolute = bounds::kProjectorGradientSum * norm});
}

void check_grid(Folder& folder, Report& report, const std::string& kind, TensorFile& golden,
                const std::string& size, const Projector& projector) {
  const std::size_t by = size.find('x');
  const Grid grid{std::stoll(size.substr(0, by)), std::stoll(size.substr(by + 1))};
  const at::Tensor* input = golden.find(size + kInput);
  const at::Tensor* upstream = golden.find(size + ".upstream");
  if (input == nullptr || upstream == nullptr) return;
  at::Tensor patches = input->clone().set_requires_grad(true);
  {
    const at::NoGradGuard no_grad;
    const std::string name = size + ".projector_output";
    compare_tensor(report, kind + " " + name, projector.refine(patches, grid), golden, name,
                   bounds::kProjectorOutput);
  }
  const at::Tensor output = projector.forward(patches, grid);
  compare_tensor(report, kind + " " + size + ".output", output, golden, size + ".output",
                 bounds::kProjectorOutput);
  (output * *upstream).sum().backward();
  check_gradient(folder, report, kind, golden, size + ".grad.input", patches.grad());
  for (const Parameter& parameter : projector.parameters()) {
    check_gradient(folder, report, kind, golden, size + ".grad." + parameter.name,
                   parameter.tensor.grad());
  }
}

void check_grids(Folder& folder, Report& report, const Json& info, const std::string& kind,
                 const Tensors& weights) {
  TensorFile* golden = folder.tensors("projector/" + kind + ".safetensors");
  if (golden == nullptr) return;
  for (const Json& grid : info.at("grids_h_w")) {
    const std::string size = format("{}x{}", grid.at(0).get<int>(), grid.at(1).get<int>());
    if (const auto projector = loaded(report, info, kind, weights, kind + " weights")) {
      check_grid(folder, report, kind, *golden, size, *projector);
    }
  }
}

/// Branch dev's names must lead to the same parameters as branch main's.
void check_dev_names(Report& report, const Json& info, const std::string& kind,
                     const Tensors& main_weights, const Tensors& dev_weights,
                     const std::string& quantity) {
  const auto expected = loaded(report, info, kind, main_weights, quantity);
  const auto actual = loaded(report, info, kind, dev_weights, quantity);
  if (!expected || !actual) return;
  std::uint64_t values = 0, differing = 0;
  for (std::size_t i = 0; i < expected->parameters().size(); ++i) {
    const at::Tensor& ours = actual->parameters()[i].tensor;
    values += static_cast<std::uint64_t>(ours.numel());
    differing += count_differing(ours, expected->parameters()[i].tensor);
  }
  report.counted(quantity, values, differing, 0, {});
}

/// The weights of branch main under the names that the JSON gives branch dev, in its order.
Tensors renamed(const Json& info, const std::string& kind, const Tensors& weights) {
  std::vector<std::string> dev_names;
  for (const auto& [name, shape] : info.at("names_v3").at(kind).items()) dev_names.push_back(name);
  Tensors result;
  std::size_t next = 0;
  for (const auto& [name, shape] : info.at("names_v1").at(kind).items()) {
    result[dev_names.at(next++)] = weights.at(name);
  }
  return result;
}

void check_kind(Folder& folder, Report& report, const Json& info, const std::string& kind) {
  check_names(report, info, kind);
  TensorFile* weights = folder.tensors("projector/" + kind + "_weights.safetensors");
  if (weights == nullptr) return;
  check_grids(folder, report, info, kind, weights->all());
  check_dev_names(report, info, kind, weights->all(), renamed(info, kind, weights->all()),
                  kind + ": names of branch dev, from the JSON");
  const std::string dev_file = "projector/" + kind + "_weights_v3_names.safetensors";
  if (!folder.has(dev_file)) return;
  if (TensorFile* dev = folder.tensors(dev_file)) {
    check_dev_names(report, info, kind, weights->all(), dev->all(),
                    kind + ": names of branch dev, from the file");
  }
}

}  // namespace

void check_projector(Folder& folder, Report& report) {
  const Json* info = folder.json(kInfo);
  if (info == nullptr) return;
  for (const auto& [kind, config] : info->at("configs").items()) {
    if (const std::string problem = unsupported_projector(config, kind); !problem.empty()) {
      report.failed(kind, problem);
    } else {
      check_kind(folder, report, *info, kind);
    }
  }
  report.not_compared("projector.json: KIND.deviation_float32_from_float64",
                      "the reference's own error, from which the tolerances come");
}

}  // namespace tagalign::golden
