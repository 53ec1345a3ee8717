// Augmentation against timm and Pillow (golden/augmentation): pixels, and distributions of the
// draws.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <functional>

#include "data/augment_draws.h"
#include "data/rand_augment.h"
#include "tests/golden/data_images.h"

namespace tagalign::data {
namespace {

using nlohmann::json;
using testing::read_golden_json;
using testing::read_golden_safetensors;

constexpr char kFacts[] = "augmentation/augmentation.json";
/// Probability of exceeding a bound below by chance: about 1e-3 for each comparison, with fixed
/// seeds.
constexpr double kKolmogorov = 1.95;

AugmentOp op_named(const std::string& name) {
  for (int i = 0; i < kAugmentOps; ++i) {
    if (augment_op_name(static_cast<AugmentOp>(i)) == name) return static_cast<AugmentOp>(i);
  }
  ADD_FAILURE() << "no operation " << name;
  return {};
}

TEST(AugmentationGolden, Operations_AllMagnitudes_EqualPillow) {
  TA_REQUIRE_GOLDEN(kFacts);
  const json golden = read_golden_json(kFacts);
  const Image photo = golden_image("augmentation/photo_small.png");
  for (const auto& [key, facts] : golden["ops_on_photo_small"].items()) {
    const std::string name = key.substr(0, key.find('.'));
    const Image stack = golden_image("augmentation/" + facts["file"].get<std::string>());
    const Image expected = image_rows(stack, facts["rows"][0], facts["rows"][1]);
    const json& argument = facts["argument"];
    const double value = argument.empty() ? 0 : argument[0].get<double>();
    EXPECT_EQ(largest_difference(apply_op(photo, {op_named(name), value}), expected), 0) << key;
  }
}

TEST(AugmentationGolden, Arguments_FromMagnitudes_EqualTimm) {
  TA_REQUIRE_GOLDEN(kFacts);
  const json golden = read_golden_json(kFacts);
  for (const auto& [key, facts] : golden["ops_on_photo_small"].items()) {
    const std::size_t mark = key.find(".m");
    if (mark == std::string::npos) continue;
    const double magnitude = std::stod(key.substr(mark + 2));
    const AppliedOp op = make_op(op_named(key.substr(0, mark)), magnitude, key.back() == '-');
    EXPECT_NEAR(op.argument, facts["argument"][0].get<double>(), 1e-12) << key;
  }
}

Image tensor_image(const testing::GoldenTensor& tensor) {
  Image image{static_cast<int>(tensor.shape[1]), static_cast<int>(tensor.shape[0]), 3,
              std::vector<std::uint8_t>(tensor.bytes.size())};
  std::memcpy(image.pixels.data(), tensor.bytes.data(), tensor.bytes.size());
  return image;
}

TEST(AugmentationGolden, HistogramOperations_DegenerateImages_EqualPillow) {
  TA_REQUIRE_GOLDEN("augmentation/histogram_special_cases.safetensors");
  const auto tensors = read_golden_safetensors("augmentation/histogram_special_cases.safetensors");
  int compared = 0;
  for (const auto& [name, tensor] : tensors) {
    const std::size_t dot = name.find('.');
    const std::string rest = name.substr(dot + 1);
    if (rest == "input") continue;
    const Image input = tensor_image(tensors.at(name.substr(0, dot) + ".input"));
    const double factor = rest.find("factor") == std::string::npos
                              ? 0
                              : std::stod(rest.substr(rest.find("factor") + 6));
    const Image actual = apply_op(input, {op_named(rest.substr(0, rest.find('.'))), factor});
    EXPECT_EQ(largest_difference(actual, tensor_image(tensor)), 0) << name;
    ++compared;
  }
  EXPECT_EQ(compared, 12);
}

TEST(AugmentationGolden, ResizedCrop_SixBoxes_EqualsPillow) {
  TA_REQUIRE_GOLDEN(kFacts);
  const json golden = read_golden_json(kFacts);
  const Image photo = golden_image("augmentation/photo_256x192.png");
  for (const int size : {224, 64}) {
    const Image stack =
        golden_image("augmentation/random_resized_crop_" + std::to_string(size) + ".png");
    int top = 0;
    for (const json& box : golden["random_resized_crop"]["boxes_top_left_height_width"]) {
      const Image view =
          resize_bilinear_pillow(crop(photo, {box[0], box[1], box[2], box[3]}), size, size);
      EXPECT_EQ(largest_difference(view, image_rows(stack, top, top + size)), 0) << box;
      top += size;
    }
  }
}

TEST(AugmentationGolden, FlipAndNormalise_WholeImage_EqualsTorchvision) {
  TA_REQUIRE_GOLDEN("augmentation/flip_totensor_normalize.safetensors");
  const auto tensors = read_golden_safetensors("augmentation/flip_totensor_normalize.safetensors");
  const Image input = tensor_image(tensors.at("input_uint8"));
  const auto& expected = tensors.at("normalised");
  std::vector<float> values(expected.bytes.size() / sizeof(float));
  std::memcpy(values.data(), expected.bytes.data(), expected.bytes.size());
  const std::vector<float> planes = to_normalized(flip_horizontal(input));
  ASSERT_EQ(planes.size(), values.size());
  EXPECT_EQ(planes, values);
}

/// How far the share of `samples` at or below each golden quantile lies from the quantile's level,
/// in units of its deviation (both sides are samples). Steps of a discrete distribution widen the
/// interval of shares that fits.
double worst_quantile_deviation(std::vector<double> samples, const json& golden) {
  std::sort(samples.begin(), samples.end());
  const auto n = static_cast<double>(samples.size());
  const double scale = std::sqrt(n * golden["n"].get<double>() / (n + golden["n"].get<double>()));
  double worst = 0;
  for (const auto& [level_text, value] : golden["quantiles"].items()) {
    const double level = std::stod(level_text);
    const double slack = 1e-9 * std::max(1.0, std::abs(value.get<double>()));
    const auto below =
        std::lower_bound(samples.begin(), samples.end(), value.get<double>() - slack) -
        samples.begin();
    const auto up_to =
        std::upper_bound(samples.begin(), samples.end(), value.get<double>() + slack) -
        samples.begin();
    const double miss = std::max(
        {0.0, static_cast<double>(below) / n - level, level - static_cast<double>(up_to) / n});
    worst = std::max(worst, miss * scale);
  }
  return worst;
}

RandomStream test_stream(std::uint64_t number) {
  return RandomStream({20, 1, number}, StreamPurpose::kTest);
}

TEST(AugmentationGolden, CropDraws_ThreeImageSizes_HaveTimmsDistribution) {
  TA_REQUIRE_GOLDEN(kFacts);
  const json golden = read_golden_json(kFacts);
  for (const auto& [key, facts] : golden["random_resized_crop_distribution_20000_draws"].items()) {
    const std::size_t cross = key.find('x');
    const Size size{std::stoi(key.substr(6, cross - 6)), std::stoi(key.substr(cross + 1))};
    std::vector<double> areas, log_aspects, tops;
    for (std::uint64_t i = 0; i < 20000; ++i) {
      RandomStream stream = test_stream(i);
      const CropBox box = draw_crop(size, {}, stream);
      areas.push_back(static_cast<double>(box.width) * box.height /
                      (static_cast<double>(size.width) * size.height));
      log_aspects.push_back(std::log(static_cast<double>(box.width) / box.height));
      if (box.height < size.height)
        tops.push_back(static_cast<double>(box.top) / (size.height - box.height));
    }
    EXPECT_LT(worst_quantile_deviation(areas, facts["area_ratio"]), kKolmogorov) << key;
    EXPECT_LT(worst_quantile_deviation(log_aspects, facts["log_aspect"]), kKolmogorov) << key;
    EXPECT_LT(worst_quantile_deviation(tops, facts["relative_top"]), kKolmogorov) << key;
  }
}

TEST(AugmentationGolden, RandAugmentDraws_TwentyThousandImages_HaveTimmsDistribution) {
  TA_REQUIRE_GOLDEN(kFacts);
  const json golden = read_golden_json(kFacts)["randaugment_distribution_20000_draws"];
  const RandAugmentPolicy policy = parse_rand_augment("rand-m9-mstd0.5-inc1").value();
  constexpr int kImages = 20000;
  std::map<std::string, std::vector<double>> arguments;
  std::array<double, 3> images_with{};
  for (std::uint64_t i = 0; i < kImages; ++i) {
    RandomStream stream = test_stream(i);
    const std::vector<AppliedOp> ops = draw_ops(policy, stream);
    ++images_with[ops.size()];
    for (const AppliedOp& op : ops)
      arguments[std::string(augment_op_name(op.op))].push_back(op.argument);
  }
  double chi_square =
      0;  // over 15 operations: 14 degrees of freedom
  for (int i = 0; i < kAugmentOps; ++i) {
    const std::string name(augment_op_name(static_cast<AugmentOp>(i)));
    const double expected = static_cast<double>(kImages) / kAugmentOps;
    chi_square += std::pow(static_cast<double>(arguments[name].size()) - expected, 2) / expected;
    if (golden["argument"].contains(name)) {
      EXPECT_LT(worst_quantile_deviation(arguments[name], golden["argument"][name]), kKolmogorov)
          << name;
    }
  }
  EXPECT_LT(chi_square, 36.1);  // p 0.001
  const double quarter = kImages / 4.0;
  EXPECT_LT(std::pow(images_with[0] - quarter, 2) / quarter +
                std::pow(images_with[1] - 2 * quarter, 2) / (2 * quarter) +
                std::pow(images_with[2] - quarter, 2) / quarter,
            13.8);  // 2 degrees of freedom, p 0.001
}

TEST(AugmentationGolden, ErasingDraws_FourThousandImages_HaveTimmsDistribution) {
  TA_REQUIRE_GOLDEN(kFacts);
  const json golden = read_golden_json(kFacts)["random_erasing"];
  constexpr int kDraws = 16000;
  std::vector<double> areas, aspects, tops, lefts;
  for (std::uint64_t i = 0; i < kDraws; ++i) {
    RandomStream stream = test_stream(i);
    const auto box = draw_erasing({224, 224}, 0.25, stream);
    if (!box) continue;
    areas.push_back(box->width * box->height / (224.0 * 224.0));
    aspects.push_back(static_cast<double>(box->height) / box->width);
    tops.push_back(static_cast<double>(box->top) / (224 - box->height));
    lefts.push_back(static_cast<double>(box->left) / (224 - box->width));
  }
  EXPECT_NEAR(static_cast<double>(areas.size()) / kDraws, 0.25,
              3.3 * std::sqrt(0.25 * 0.75 / kDraws));
  EXPECT_LT(worst_quantile_deviation(areas, golden["area_ratio"]), kKolmogorov);
  EXPECT_LT(worst_quantile_deviation(aspects, golden["aspect_h_over_w"]), kKolmogorov);
  EXPECT_LT(worst_quantile_deviation(tops, golden["relative_top"]), kKolmogorov);
  EXPECT_LT(worst_quantile_deviation(lefts, golden["relative_left"]), kKolmogorov);
}

}  // namespace
}  // namespace tagalign::data
