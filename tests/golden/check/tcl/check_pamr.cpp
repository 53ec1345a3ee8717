/// Group tcl.pamr: the refinement on given images and masks.
#include <ATen/ATen.h>

#include <string>
#include <vector>

#include "model/inference/pamr.h"
#include "tests/golden/check/compare.h"
#include "tests/golden/check/tcl/bounds.h"
#include "tests/golden/check/tcl/checks.h"

namespace tagalign::golden::tcl {
namespace {

/// "the image is first resized to the mask's size": told by the sizes of image and output.
at::Tensor image_of(const at::Tensor& image, const at::Tensor& output) {
  if (image.sizes().slice(2) == output.sizes().slice(2)) return image;
  return at::upsample_bilinear2d(image, {output.size(2), output.size(3)}, /*align_corners=*/true);
}

/// The rows and columns that "#stepN" keeps.
at::Tensor every(const at::Tensor& map, const std::string& name) {
  const std::size_t mark = name.find("#step");
  const std::int64_t step = mark == std::string::npos ? 1 : std::stoll(name.substr(mark + 5));
  return map.slice(2, 0, std::nullopt, step).slice(3, 0, std::nullopt, step);
}

void check_case(const std::string& name, const Json& info, TensorFile& file, Report& report) {
  const model::PamrOptions options{
      .iterations = info.at("iterations").get<int>(),
      .dilations = info.at("dilations").get<std::vector<std::int64_t>>()};
  const at::Tensor* pixels = file.find(name + ".image");
  const at::Tensor* mask = file.find(name + ".mask");
  const at::Tensor* output = file.find(name + ".output");
  if (pixels == nullptr || mask == nullptr || output == nullptr) return;
  const at::Tensor image = image_of(pixels->to(at::kFloat), *output);
  for (const std::string& stored : file.names()) {
    if (stored.starts_with(name + ".std"))
      compare_tensor(report, stored, every(model::pamr_deviation(image, options), stored), file,
                     stored, bounds::kDeviation);
    if (stored.starts_with(name + ".affinity"))
      compare_tensor(report, stored, every(model::pamr_affinity(image, options), stored), file,
                     stored, bounds::kAffinity);
  }
  compare_tensor(report, name + ".output", model::Pamr(options).refine(image, mask->to(at::kFloat)),
                 file, name + ".output", bounds::kRefined);
}

}  // namespace

void check_pamr(Folder& folder, Report& report) {
  const Json* info = folder.json("pamr/pamr.json");
  TensorFile* file = folder.tensors("pamr/pamr.safetensors");
  if (info == nullptr || file == nullptr) return;
  for (const auto& [name, facts] : info->at("cases").items())
    check_case(name, facts, *file, report);
  folder.report_other_keys("pamr/pamr.json", *info, {"cases", "deviation_float32_from_float64"});
}

}  // namespace tagalign::golden::tcl
