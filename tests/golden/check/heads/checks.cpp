#include "tests/golden/check/heads/checks.h"

#include <ATen/core/grad_mode.h>

#include <optional>
#include <regex>
#include <sstream>

#include "model/inference/pamr.h"
#include "tests/golden/check/compare.h"
#include "tests/golden/check/heads/bounds.h"
#include "tests/golden/check/heads/encoder.h"
#include "tests/golden/check/heads/runs.h"
#include "tests/golden/check/heads/sources.h"

namespace tagalign::golden::heads {
namespace {

void check_head(Folder& folder, Report& report, const std::string& method) {
  const at::NoGradGuard no_grad;
  const auto clip = load_clip(folder, report);
  if (clip == nullptr) return;
  compare_encoder(folder, *clip->base, method, clip->vision, report);
  compare_runs(folder, *clip, method, report);
}

/// "steps10.dilations8_16"
std::optional<model::PamrOptions> pamr_options(const std::string& name) {
  static const std::regex kName(R"(steps(\d+)\.dilations(\d+(?:_\d+)*))");
  std::smatch match;
  if (!std::regex_match(name, match, kName)) return std::nullopt;
  model::PamrOptions options{.iterations = std::stoi(match[1]), .dilations = {}};
  std::istringstream dilations(match[2]);
  for (std::string one; std::getline(dilations, one, '_');)
    options.dilations.push_back(std::stoll(one));
  return options;
}

/// The refinement alone, on the folder's image and mask.
void compare_pamr(Folder& folder, Report& report) {
  const Json* facts = folder.json("sclip/pamr.json");
  TensorFile* file = folder.tensors("sclip/pamr.safetensors");
  if (facts == nullptr || file == nullptr) return;
  const at::Tensor* image = file->find("image");
  const at::Tensor* mask = file->find("mask");
  if (image == nullptr || mask == nullptr) return;
  for (const auto& [name, deviations] : facts->items()) {
    const auto options = pamr_options(name);
    if (!options) {
      report.not_compared("pamr.json: " + name, "not of the form stepsN.dilationsA_B");
      continue;
    }
    compare_tensor(report, name, model::Pamr(*options).refine(*image, *mask), *file, name, kPamr);
  }
}

}  // namespace

void check_sclip(Folder& folder, Report& report) {
  check_head(folder, report, "sclip");
  const at::NoGradGuard no_grad;
  compare_pamr(folder, report);
}
void check_naclip(Folder& folder, Report& report) {
  check_head(folder, report, "naclip");
}
void check_clearclip(Folder& folder, Report& report) {
  check_head(folder, report, "clearclip");
}
void check_maskclip(Folder& folder, Report& report) {
  check_head(folder, report, "maskclip");
}

}  // namespace tagalign::golden::heads
