/// Group preprocess, label ids: what the reference does with the ids of masks before it counts.
#include <ATen/ATen.h>

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <regex>
#include <string>
#include <vector>

#include "base/format.h"
#include "data/benchmarks/sources/label_maps.h"
#include "data/datasets/segmentation_dataset.h"
#include "data/image/image.h"
#include "tests/golden/check/compare.h"
#include "tests/golden/check/images.h"
#include "tests/golden/check/inference_runs.h"
#include "tests/golden/check/preprocess.h"

namespace tagalign::golden {
namespace {

constexpr char kFacts[] = "preprocess/preprocess.json";
constexpr char kTensors[] = "preprocess/preprocess.safetensors";
constexpr char kImageNetFacts[] = "preprocess/imagenets.json";
constexpr char kImageNetTensors[] = "preprocess/imagenets.safetensors";
constexpr char kImageNetLabel[] = "preprocess/imagenets_label.png";
/// The ignored id of the data sets that drop label 0.
constexpr int kIgnored = 255;
/// What configs/benchmarks says for ImageNet-S.
constexpr int kPixelsMax = 1'000'000;
constexpr int kPixelsMaxSide = 1000;

data::LabelMap label_of(const at::Tensor& map) {
  const at::Tensor ids = map.to(at::kInt).contiguous();
  const auto* values = ids.const_data_ptr<std::int32_t>();
  return {
      static_cast<int>(ids.size(1)), static_cast<int>(ids.size(0)), {values, values + ids.numel()}};
}

at::Tensor tensor_of(const data::LabelMap& label) {
  const std::vector<std::int64_t> ids(label.ids.begin(), label.ids.end());
  return at::tensor(ids, at::kLong).view({label.height, label.width});
}

/// "NAME.input" through `change` against "NAME.output".
template <class Change>
void compare_ids(TensorFile& tensors, const std::string& name, Change change, Report& report) {
  const at::Tensor* input = tensors.find(name + ".input");
  if (input == nullptr) return;
  data::LabelMap label = label_of(*input);
  change(label);
  compare_tensor(report, name + ", all ids", tensor_of(label), tensors, name + ".output", {});
}

void compare_coco_facts(const Json& facts, Report& report) {
  const auto table = data::coco_object_ids();
  report.equal("coco_object 255_becomes", std::int64_t{table[255]},
               facts.at("255_becomes").get<std::int64_t>());
  const Json& stay = facts.at("ids_without_entry_in_the_official_table_stay");
  std::uint64_t moved = 0;
  for (const Json& id : stay) moved += table[id.get<std::size_t>()] == id.get<int>() ? 0 : 1;
  report.counted("coco_object ids without an entry stay", stay.size(), moved, 0, {});
}

// ------------------------------------------------------------------------------------ ImageNet-S

void compare_decoded_label(Folder& folder, TensorFile& tensors, Report& report) {
  const auto bytes = folder.bytes(kImageNetLabel);
  if (!bytes) return;
  const auto label = data::decode_label_png(*bytes, kImageNetLabel);
  if (!label.ok()) return report.failed(kImageNetLabel, label.status().message());
  compare_tensor(report, "imagenets_label.png, R + 256 G", tensor_of(*label), tensors,
                 "imagenets_label.decoded", {});
}

/// "rescale_to_2048x448_…" beside names the limits of the resize that follows the loading.
std::optional<Json> resize_limits(Folder& folder) {
  static const std::regex kLimits("rescale_to_([0-9]+)x([0-9]+)_.*");
  const Json* facts = folder.json(kFacts);
  if (facts == nullptr) return std::nullopt;
  for (const auto& [name, part] : facts->items()) {
    std::smatch match;
    if (std::regex_match(name, match, kLimits))
      return Json{std::stoi(match[1]), std::stoi(match[2])};
  }
  return std::nullopt;
}

/// [w, h, loaded w, loaded h, resized w, resized h] of each row.
void compare_load_sizes(Folder& folder, const std::string& name, const Json& rows, Report& report) {
  const auto limits = resize_limits(folder);
  std::uint64_t compared = 0, wrong = 0;
  int levels = 0;
  const auto compare = [&](data::Size found, const Json& width, const Json& height) {
    const int far = std::max(std::abs(found.width - width.get<int>()),
                             std::abs(found.height - height.get<int>()));
    levels = std::max(levels, far);
    wrong += far > 0 ? 1 : 0;
    ++compared;
  };
  for (const Json& row : rows) {
    const data::Size loaded = data::limit_pixels({row[0], row[1]}, kPixelsMax, kPixelsMaxSide);
    compare(loaded, row[2], row[3]);
    if (limits) compare(network_size(loaded, *limits), row[4], row[5]);
  }
  report.counted(name, compared, wrong, levels, {});
}

/// "prediction_upsample.output_31x40_nearest" (height x width) of "prediction_upsample.input".
void compare_enlarged(TensorFile& tensors, Report& report) {
  static const std::regex kOutput("(.*)\\.output_([0-9]+)x([0-9]+)_nearest");
  for (const std::string& name : tensors.names()) {
    std::smatch match;
    if (!std::regex_match(name, match, kOutput)) continue;
    const at::Tensor* input = tensors.find(match[1].str() + ".input");
    if (input == nullptr) continue;
    const auto enlarged =
        data::resize_nearest_opencv(label_of(*input), std::stoi(match[3]), std::stoi(match[2]));
    compare_tensor(report, name, tensor_of(enlarged), tensors, name, {});
  }
}

}  // namespace

void compare_label_ids(Folder& folder, Report& report) {
  TensorFile* tensors = folder.tensors(kTensors);
  if (tensors == nullptr) return;
  compare_ids(
      *tensors, "reduce_zero_label",
      [](data::LabelMap& label) { data::reduce_zero_label(label, kIgnored); }, report);
  compare_ids(
      *tensors, "coco_object",
      [](data::LabelMap& label) { data::apply_table(data::coco_object_ids(), label); }, report);
  const Json* facts = folder.json(kFacts);
  if (facts != nullptr && facts->contains("coco_object"))
    compare_coco_facts(facts->at("coco_object"), report);
}

void compare_imagenets(Folder& folder, Report& report) {
  TensorFile* tensors = folder.tensors(kImageNetTensors);
  if (tensors == nullptr) return;
  compare_decoded_label(folder, *tensors, report);
  compare_enlarged(*tensors, report);
  const Json* facts = folder.json(kImageNetFacts);
  if (facts == nullptr) return;
  for (const auto& [name, part] : facts->items()) {
    if (name.starts_with("large_image_"))
      compare_load_sizes(folder, "imagenets " + name, part, report);
    else
      report.not_compared("imagenets " + name, "says that the reference's own code runs");
  }
}

}  // namespace tagalign::golden
