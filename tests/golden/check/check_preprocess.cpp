/// Group preprocess: files as both loaders of the reference read them, OpenCV's resize, sizes and
/// normalisation. Label ids are compared in check_preprocess_labels.cpp.
#include <algorithm>
#include <cstdlib>
#include <numeric>
#include <optional>
#include <regex>
#include <string>
#include <vector>

#include "base/format.h"
#include "data/image/pillow.h"
#include "tests/golden/check/compare.h"
#include "tests/golden/check/groups.h"
#include "tests/golden/check/images.h"
#include "tests/golden/check/preprocess.h"
#include "tests/golden/check/tolerances.h"

namespace tagalign::golden {
namespace {

using data::Image;
using data::ReadAs;
using data::Size;

constexpr char kFolder[] = "preprocess/";
constexpr char kFacts[] = "preprocess/preprocess.json";
constexpr char kTensors[] = "preprocess/preprocess.safetensors";

std::vector<double> mean_rgb(const Image& image) {
  std::vector<double> sums(3);
  for (std::size_t i = 0; i < image.pixels.size(); ++i) sums[i % 3] += image.pixels[i];
  for (double& sum : sums) sum /= static_cast<double>(image.pixels.size() / 3);
  return sums;
}

double sum_of(const std::vector<float>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0);
}

/// One file of the folder, read both ways and resized.
class FileCheck {
 public:
  FileCheck(Folder& folder, TensorFile* tensors, const std::string& name, const Json& facts,
            Report& report)
      : folder_(folder), tensors_(tensors), name_(name), facts_(facts), report_(report) {}

  void run() {
    const auto evaluation = read(ReadAs::kEvaluation);
    const auto training = read(ReadAs::kTraining);
    if (!evaluation || !training) return;
    compare_decoded("original_hw", "evaluation_loader_mean_rgb", "evaluation_decoded_sha256",
                    *evaluation);
    compare_decoded("training_loader_hw", "training_loader_mean_rgb", "training_loader_sha256",
                    *training);
    compare_agreement(*evaluation, *training);
    compare_resized(*evaluation);
  }

 private:
  std::optional<Image> read(ReadAs mode) {
    return load_image(folder_, kFolder + name_, mode, report_);
  }

  std::string quantity(const std::string& key) const { return name_ + " " + key; }

  void compare_size(const std::string& key, Size found) {
    if (!facts_.contains(key)) return report_.missing(quantity(key), "preprocess.json lacks it");
    const Json expected = facts_.at(key);
    report_.equal(quantity(key), format("[{},{}]", found.height, found.width), expected.dump());
  }

  void compare_means(const std::string& key, const Image& image) {
    if (!facts_.contains(key)) return report_.missing(quantity(key), "preprocess.json lacks it");
    const std::vector<double> found = mean_rgb(image);
    for (std::size_t c = 0; c < found.size(); ++c)
      report_.number(format("{} {}[{}]", name_, key, c), found[c], facts_.at(key).at(c),
                     {.absolute = 1e-9});
  }

  void compare_digest(const std::string& key, const Image& image) {
    if (!facts_.contains(key)) return report_.missing(quantity(key), "preprocess.json lacks it");
    report_.equal(quantity(key), sha256_of(image), facts_.at(key).get<std::string>());
  }

  void compare_decoded(const std::string& size_key, const std::string& mean_key,
                       const std::string& digest_key, const Image& image) {
    compare_size(size_key, {image.width, image.height});
    compare_means(mean_key, image);
    compare_digest(digest_key, image);
  }

  /// Where PIL and OpenCV decode differently, so do our two modes.
  void compare_agreement(const Image& evaluation, const Image& training) {
    if (facts_.contains("decoders_agree")) {
      const bool same = evaluation.width == training.width && evaluation.pixels == training.pixels;
      report_.equal(quantity("decoders_agree"), std::int64_t{same},
                    std::int64_t{facts_.at("decoders_agree").get<bool>()});
    }
    const auto largest = facts_.find("decoders_max_difference");
    if (largest == facts_.end() || largest->is_null()) return;
    int found = 0;
    for (std::size_t i = 0; i < std::min(evaluation.pixels.size(), training.pixels.size()); ++i)
      found = std::max(found, std::abs(evaluation.pixels[i] - training.pixels[i]));
    report_.equal(quantity("decoders_max_difference"), std::int64_t{found},
                  largest->get<std::int64_t>());
  }

  void compare_scale_factor(Size from, Size to) {
    const Json& expected = facts_.at("scale_factor");
    const double x = static_cast<double>(to.width) / from.width;
    const double y = static_cast<double>(to.height) / from.height;
    const std::vector<double> found = {x, y, x, y};
    for (std::size_t i = 0; i < found.size(); ++i)
      report_.number(format("{} scale_factor[{}]", name_, i), found[i], expected.at(i),
                     {.relative = 1e-7});
  }

  void compare_resized(const Image& image) {
    const auto scale = facts_.at("img_scale").get<std::vector<int>>();
    const Size size = data::keep_ratio_size(
        {image.width, image.height}, std::min(scale[0], scale[1]), std::max(scale[0], scale[1]));
    compare_size("resized_hw", size);
    compare_scale_factor({image.width, image.height}, size);
    const Image resized = data::resize_bilinear_opencv(image, size.width, size.height);
    compare_means("mean_rgb", resized);
    compare_digest("sha256_rgb_uint8", resized);
    compare_stored(resized);
    compare_normalised(resized);
  }

  void compare_stored(const Image& resized) {
    const std::string file = kFolder + facts_.at("stored").get<std::string>();
    const auto expected = load_image(folder_, file, ReadAs::kEvaluation, report_);
    if (!expected) return;
    const auto box = facts_.find("stored_crop_y0_y1_x0_x1");
    if (box == facts_.end() || box->is_null())
      return compare_images(file, resized, *expected, {}, report_);
    const int top = box->at(0), bottom = box->at(1), left = box->at(2), right = box->at(3);
    if (bottom > resized.height || right > resized.width)
      return report_.failed(file, "the stored crop lies outside the resized image");
    compare_images(file, part_of(resized, {top, left, bottom - top, right - left}), *expected, {},
                   report_);
  }

  /// "normalised_crop16.in_tiny.png"
  std::string stored_crop_name() const {
    const std::string start = "normalised_crop", end = "." + name_;
    for (const std::string& name : tensors_->names()) {
      if (name.starts_with(start) && name.ends_with(end)) return name;
    }
    return start + end;
  }

  void compare_normalised(const Image& resized) {
    const auto values = static_cast<double>(resized.pixels.size());
    report_.number(quantity("normalised_sum"), sum_of(data::normalize_planar(resized)),
                   facts_.at("normalised_sum"), {.absolute = 1e-7 * values});
    if (tensors_ == nullptr) return;
    const std::string name = stored_crop_name();
    const at::Tensor* expected = tensors_->find(name);
    if (expected == nullptr) return;
    const auto height = static_cast<int>(expected->size(1));
    const auto width = static_cast<int>(expected->size(2));
    if (height > resized.height || width > resized.width)
      return report_.failed(name, "the stored crop is larger than the resized image");
    const auto planes = data::normalize_planar(part_of(resized, {0, 0, height, width}));
    report_.deviation(name, deviation_of(planes_tensor(planes, height, width), *expected),
                      {.absolute = 5e-7});
  }

  Folder& folder_;
  TensorFile* tensors_;
  const std::string& name_;
  const Json& facts_;
  Report& report_;
};

/// "rescale_to_2048x448_w_h_neww_newh": [w, h, new w, new h] of each row.
void compare_rescaling(const std::string& name, const Json& rows, Report& report) {
  static const std::regex kLimits("rescale_to_([0-9]+)x([0-9]+)");
  std::smatch match;
  if (!std::regex_search(name, match, kLimits))
    return report.failed(name, "expected rescale_to_AxB in the name");
  const int a = std::stoi(match[1]), b = std::stoi(match[2]);
  std::uint64_t wrong = 0;
  int levels = 0;
  for (const Json& row : rows) {
    const Size size = data::keep_ratio_size({row[0], row[1]}, std::min(a, b), std::max(a, b));
    const int far = std::max(std::abs(size.width - row[2].get<int>()),
                             std::abs(size.height - row[3].get<int>()));
    levels = std::max(levels, far);
    wrong += far > 0 ? 1 : 0;
  }
  report.counted(name, rows.size(), wrong, levels, {});
}

}  // namespace

void check_preprocess(Folder& folder, Report& report) {
  compare_label_ids(folder, report);
  compare_imagenets(folder, report);
  const Json* facts = folder.json(kFacts);
  if (facts == nullptr) return;
  for (const auto& [name, part] : facts->items()) {
    if (name == "files") {
      for (const auto& [file, about] : part.items())
        FileCheck(folder, folder.tensors(kTensors), file, about, report).run();
    } else if (name.starts_with("rescale_to_")) {
      compare_rescaling(name, part, report);
    } else if (name == "libraries") {
      report.not_compared(name, "names the reference's libraries");
    } else if (name != "coco_object") {
      report.not_compared(name, "this program does not know the part");
    }
  }
}

}  // namespace tagalign::golden
