// The image encoder: tokens, blocks, assignments and features of every size that the folder has.
#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <set>

#include "base/format.h"
#include "tests/golden/check/compare.h"
#include "tests/golden/check/grouping/grouped.h"

namespace tagalign::golden {
namespace {

constexpr char kInput[] = ".input";

/// All that the tower shows of `images`, as StageObserver names it.
Tensors observe(const model::GroupTower& tower, const at::Tensor& images) {
  Tensors seen;
  const auto image = tower.encoder.encode(
      images, {}, [&](const std::string& name, const at::Tensor& value) { seen[name] = value; });
  const at::Tensor mean = image.features.mean(1);
  seen["image_x_before_projector"] = mean;
  seen["image_x"] = tower.projection.forward(mean);
  seen["image_feat"] = tower.projection.forward(image.features);
  return seen;
}

Tolerance bound_of(const GroupedMethod& method, const std::string& name) {
  if (name.ends_with("assign.soft")) return method.soft_assignment();
  if (name == "image_x" || name == "image_feat") return method.projected();
  if (name.ends_with("assign.hard")) return {};
  return method.activation();
}

/// One model's file; `renamed` maps the file's names to ours.
void check_file(TensorFile& file, Report& report, const GroupedModel& model,
                const GroupedMethod& method, const std::string& name,
                const std::map<std::string, std::string>& renamed) {
  std::map<std::string, Tensors> seen;  // by size
  for (const std::string& entry : file.names()) {
    if (entry.ends_with(kInput))
      seen[entry.substr(0, entry.size() - std::string(kInput).size())] =
          observe(model.tower, *file.find(entry));
  }
  for (const std::string& entry : file.names()) {
    if (entry.ends_with(kInput)) continue;
    const std::size_t dot = entry.find('.');
    const std::string size = entry.substr(0, dot), key = entry.substr(dot + 1);
    const auto other = renamed.find(key);
    const std::string ours = other == renamed.end() ? key : other->second;
    const std::string quantity = format("{} {}", name, entry);
    const auto image = seen.find(size);
    if (image == seen.end() || !image->second.contains(ours)) {
      report.failed(quantity, "our encoder shows no such quantity");
      continue;
    }
    const at::Tensor& expected = *file.find(entry);
    at::Tensor found = image->second.at(ours);
    // Heads of the assignment are one: [B, 1, G, L] there, [B, G, L] here.
    if (expected.dim() == found.dim() + 1 && expected.size(1) == 1) found = found.unsqueeze(1);
    report.deviation(quantity, deviation_of(found, expected), bound_of(method, ours));
  }
}

}  // namespace

void check_grouped_images(Folder& folder, Report& report, GroupedModels& models,
                          const std::map<std::string, std::string>& renamed) {
  const at::NoGradGuard no_grad;
  if (folder.json("image/errors.json") != nullptr)
    report.not_compared("errors.json", "the reference's own error, from which the bounds come");
  for (const std::string& name : models.names()) {
    GroupedModel* model = models.find(name);
    TensorFile* file = folder.tensors(format("image/{}.safetensors", name));
    if (model != nullptr && file != nullptr)
      check_file(*file, report, *model, models.method(), name, renamed);
  }
}

}  // namespace tagalign::golden
