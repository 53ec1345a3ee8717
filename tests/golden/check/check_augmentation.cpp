/// Group augmentation, pixels: each operation, the resized crop, flip and normalisation, as Pillow
/// and torchvision compute them. The draws are compared in check_augmentation_draws.cpp.
#include <algorithm>
#include <cmath>
#include <optional>
#include <regex>
#include <string>
#include <vector>

#include "base/format.h"
#include "data/training/augment_draws.h"
#include "data/training/rand_augment.h"
#include "tests/golden/check/augmentation.h"
#include "tests/golden/check/compare.h"
#include "tests/golden/check/images.h"

namespace tagalign::golden {
namespace {

using data::Image;

constexpr char kFolder[] = "augmentation/";
constexpr char kFacts[] = "augmentation/augmentation.json";
constexpr char kOps[] = "ops_on_";  // followed by the photograph's name
constexpr char kUsualLargePhoto[] = "augmentation/photo_256x192.png";
constexpr char kSpecialCases[] = "augmentation/histogram_special_cases.safetensors";
constexpr char kFlip[] = "augmentation/flip_totensor_normalize.safetensors";
constexpr char kTable[] = "augmentation/normalize_table.safetensors";
constexpr Tolerance kNormalised{.absolute = 5e-7};  // values up to 2.7: a rounding or two

/// Operations that look values up must be exact; those that interpolate or blend may stray by one.
CountTolerance op_tolerance(data::AugmentOp op) {
  switch (op) {
    case data::AugmentOp::kAutoContrast:
    case data::AugmentOp::kEqualize:
    case data::AugmentOp::kInvert:
    case data::AugmentOp::kPosterize:
    case data::AugmentOp::kSolarize:
    case data::AugmentOp::kSolarizeAdd:
      return {};
    default:
      return {.levels = 1, .share = 1};
  }
}

std::optional<Image> load_photo(Folder& folder, const std::string& relative, Report& report) {
  return load_image(folder, relative, data::ReadAs::kTraining, report);
}

/// "Rotate.m3.7-": operation, magnitude, sign.
struct OpKey {
  std::string name;
  std::optional<double> magnitude;
  bool negative = false;
};
OpKey parse_op_key(const std::string& key) {
  const std::size_t mark = key.find(".m");
  if (mark == std::string::npos) return {key.substr(0, key.find('.')), std::nullopt, false};
  return {key.substr(0, mark), std::stod(key.substr(mark + 2)), key.back() == '-'};
}

void compare_op(Folder& folder, const Image& photo, const std::string& key, const Json& facts,
                Report& report) {
  const OpKey parsed = parse_op_key(key);
  const auto op = op_named(parsed.name);
  if (!op) return report.failed(key, "the product has no operation of this name");
  const Json& argument = facts.at("argument");
  const double value = argument.empty() ? 0 : argument[0].get<double>();
  if (parsed.magnitude && !argument.empty()) {
    report.number(key + " argument",
                  data::make_op(*op, *parsed.magnitude, parsed.negative).argument, value,
                  {.absolute = 1e-9});
  }
  const Image result = data::apply_op(photo, {*op, value});
  const std::string file = kFolder + facts.at("file").get<std::string>();
  if (const auto stack = load_photo(folder, file, report)) {
    compare_images(key, result, rows_of(*stack, facts.at("rows")[0], facts.at("rows")[1]),
                   op_tolerance(*op), report);
  }
  if (op_tolerance(*op).share == 0)
    report.equal(key + " SHA-256", sha256_of(result), facts.at("sha256").get<std::string>());
}

/// `name` is "ops_on_photo_small".
void compare_ops(Folder& folder, const std::string& name, const Json& ops, Report& report) {
  const std::string file = kFolder + name.substr(sizeof kOps - 1) + ".png";
  const auto photo = load_photo(folder, file, report);
  if (!photo) return;
  for (const auto& [key, facts] : ops.items()) compare_op(folder, *photo, key, facts, report);
}

/// "two.ContrastIncreasing.factor1.9" of "two.input".
void compare_special_case(TensorFile& file, const std::string& name, Report& report) {
  const std::size_t dot = name.find('.');
  const std::string rest = name.substr(dot + 1);
  const auto op = op_named(rest.substr(0, rest.find('.')));
  if (!op) return report.failed(name, "the product has no operation of this name");
  const at::Tensor* input = file.find(name.substr(0, dot) + ".input");
  if (input == nullptr) return;
  const std::size_t mark = rest.find("factor");
  const double factor = mark == std::string::npos ? 0 : std::stod(rest.substr(mark + 6));
  compare_images(name, data::apply_op(image_of(*input), {*op, factor}), image_of(*file.find(name)),
                 op_tolerance(*op), report);
}

void compare_special_cases(Folder& folder, Report& report) {
  TensorFile* file = folder.tensors(kSpecialCases);
  if (file == nullptr) return;
  for (const std::string& name : file->names()) {
    if (!name.ends_with(".input")) compare_special_case(*file, name, report);
  }
}

/// The photograph whose name gives its size: "photo_256x192.png".
std::string large_photo(const Folder& folder) {
  static const std::regex kSized(".*/photo_[0-9]+x[0-9]+\\.png");
  for (const std::string& file : folder.list("augmentation", "photo_", ".png")) {
    if (std::regex_match(file, kSized)) return file;
  }
  return kUsualLargePhoto;
}

void compare_crops(Folder& folder, const Json& crops, Report& report) {
  const auto photo = load_photo(folder, large_photo(folder), report);
  if (!photo) return;
  for (const auto& [file, text] : crops.at("files").items()) {
    const auto stack = load_photo(folder, kFolder + file, report);
    if (!stack) continue;
    const int size = stack->width;
    int top = 0;
    for (const Json& values : crops.at("boxes_top_left_height_width")) {
      const data::CropBox box{values[0], values[1], values[2], values[3]};
      const std::string quantity = format("{} box {}", file, values.dump());
      if (box.top + box.height > photo->height || box.left + box.width > photo->width) {
        report.failed(quantity, "the box lies outside the photograph");
        continue;
      }
      const Image view = data::resize_box_pillow({*photo, box}, {size, size}, false);
      compare_images(quantity, view, rows_of(*stack, top, top + size), {.levels = 1, .share = 1},
                     report);
      top += size;
    }
  }
}

std::vector<float> normalized(const Image& image) {
  std::vector<float> planes(image.pixels.size());
  data::normalize_into(image, planes.data());
  return planes;
}

void compare_flip(Folder& folder, Report& report) {
  TensorFile* file = folder.tensors(kFlip);
  if (file == nullptr) return;
  const at::Tensor* input = file->find("input_uint8");
  if (input == nullptr) return;
  const Image image = image_of(*input);
  const data::Size size{image.width, image.height};
  const auto planes =
      normalized(data::resize_box_pillow({image, {0, 0, size.height, size.width}}, size, true));
  compare_tensor(report, "flip, to tensor, normalise",
                 planes_tensor(planes, image.height, image.width), *file, "normalised",
                 kNormalised);
}

void compare_table(Folder& folder, Report& report) {
  TensorFile* file = folder.tensors(kTable);
  if (file == nullptr) return;
  constexpr int kValues = 256;
  Image all{.width = kValues, .height = 1, .channels = 3, .pixels = {}};
  for (int value = 0; value < kValues; ++value)
    all.pixels.insert(all.pixels.end(), 3, static_cast<std::uint8_t>(value));
  compare_tensor(report, "to tensor, normalise: all byte values",
                 planes_tensor(normalized(all), 1, kValues).squeeze(1), *file,
                 "value_of_byte_per_channel", kNormalised);
}

}  // namespace

std::optional<data::AugmentOp> op_named(const std::string& name) {
  for (int i = 0; i < data::kAugmentOps; ++i) {
    const auto op = static_cast<data::AugmentOp>(i);
    if (data::augment_op_name(op) == name) return op;
  }
  return std::nullopt;
}

void check_augmentation(Folder& folder, Report& report) {
  compare_special_cases(folder, report);
  compare_flip(folder, report);
  compare_table(folder, report);
  const Json* facts = folder.json(kFacts);
  if (facts == nullptr) return;
  for (const auto& [name, part] : facts->items()) {
    if (name.starts_with(kOps)) {
      compare_ops(folder, name, part, report);
    } else if (name == "random_resized_crop") {
      compare_crops(folder, part, report);
    } else if (name == "libraries" || name == "transform") {
      report.not_compared(format("{}: {}", kFacts, name),
                          "describes the reference in words; its numbers are compared");
    } else {
      compare_draws(*facts, name, report);
    }
  }
}

}  // namespace tagalign::golden
