/// Group tcl.losses: every loss and what its backward pass leaves, on one to several ranks.
#include <ATen/ATen.h>

#include <algorithm>
#include <string>

#include "base/format.h"
#include "tests/golden/check/compare.h"
#include "tests/golden/check/tcl/bounds.h"
#include "tests/golden/check/tcl/checks.h"
#include "tests/golden/check/tcl/loss_case.h"

namespace tagalign::golden::tcl {
namespace {

constexpr char kFacts[] = "losses/losses.json";

/// Inputs, which nothing of ours answers to.
bool is_input(const std::string& name) {
  return name.ends_with("_all_ranks") || name == "encoder" || name.ends_with(".noise");
}

Tolerance tolerance_of(const std::string& name, const at::Tensor& expected) {
  if (name.find(".grad_") == std::string::npos) return bounds::kLoss;
  const double largest = expected.numel() == 0 ? 0.0 : expected.abs().max().item<double>();
  return {.absolute = bounds::kGradient * std::max(largest, bounds::kGradientFloor)};
}

void check_case(const std::string& name, const Json& info, const Json& weights, TensorFile& file,
                Report& report) {
  const auto ours = losses_on_threads(file.all(), info, weights);
  if (!ours.ok()) return report.failed(name, ours.status().message());
  for (const std::string& stored : file.names()) {
    if (is_input(stored)) continue;
    const auto found = ours->find(stored);
    if (found == ours->end()) {
      report.missing(name + " " + stored, "this program has no such quantity");
      continue;
    }
    const at::Tensor& expected = *file.find(stored);
    report.deviation(name + " " + stored,
                     deviation_of(found->second.reshape(expected.sizes()), expected),
                     tolerance_of(stored, expected));
  }
  if (info.at("ranks").get<int>() == 1) return;
  const auto difference = pairing_difference(file.all(), info, weights);
  if (!difference.ok()) return report.failed(name + " pairing", difference.status().message());
  report.number(name + " correct pairing: mean over ranks minus one rank", *difference, 0,
                bounds::kLoss);
}

}  // namespace

void check_losses(Folder& folder, Report& report) {
  const Json* info = folder.json(kFacts);
  if (info == nullptr) return;
  for (const auto& [name, facts] : info->at("cases").items()) {
    TensorFile* file = folder.tensors(format("losses/{}.safetensors", name));
    if (file != nullptr) check_case(name, facts, info->at("weights"), *file, report);
  }
  folder.report_other_keys(kFacts, *info, {"weights", "cases", "deviation_float32_from_float64"});
}

}  // namespace tagalign::golden::tcl
