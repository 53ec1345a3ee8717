// Readers and resizing against the official pipeline (golden/preprocess): bytes are equal.
#include <gtest/gtest.h>

#include <cstring>

#include "data/image.h"
#include "data/pillow.h"
#include "tests/golden/data_images.h"

namespace tagalign::data {
namespace {

using nlohmann::json;
using testing::read_golden_json;
using testing::read_golden_safetensors;

constexpr char kFolder[] = "preprocess/";

std::string resized_name(const std::string& stored) {
  return kFolder + stored;
}

TEST(PreprocessGolden, EvaluationResize_EveryFormat_EqualsOpenCv) {
  TA_REQUIRE_GOLDEN("preprocess/preprocess.json");
  const json golden = read_golden_json("preprocess/preprocess.json");
  for (const auto& [name, facts] : golden["files"].items()) {
    const Image image = golden_image(kFolder + name, ReadAs::kEvaluation);
    EXPECT_EQ(image.height, facts["original_hw"][0]) << name;
    EXPECT_EQ(image.width, facts["original_hw"][1]) << name;
    const Size size =
        keep_ratio_size({image.width, image.height}, facts["img_scale"][1], facts["img_scale"][0]);
    EXPECT_EQ(size.height, facts["resized_hw"][0]) << name;
    EXPECT_EQ(size.width, facts["resized_hw"][1]) << name;
    Image resized = resize_bilinear_opencv(image, size.width, size.height);
    if (facts.contains("stored_crop_y0_y1_x0_x1")) {
      const auto& box = facts["stored_crop_y0_y1_x0_x1"];
      const int top = box[0], bottom = box[1], left = box[2], right = box[3];
      resized = crop(resized, {top, left, bottom - top, right - left});
    }
    EXPECT_EQ(largest_difference(resized, golden_image(resized_name(facts["stored"]))), 0) << name;
  }
}

TEST(PreprocessGolden, Decoding_BothLoaders_HaveTheirSizeAndMean) {
  TA_REQUIRE_GOLDEN("preprocess/preprocess.json");
  const json golden = read_golden_json("preprocess/preprocess.json");
  for (const auto& [name, facts] : golden["files"].items()) {
    for (const ReadAs mode : {ReadAs::kTraining, ReadAs::kEvaluation}) {
      const Image image = golden_image(kFolder + name, mode);
      if (mode == ReadAs::kTraining) {
        EXPECT_EQ(image.height, facts["training_loader_hw"][0]) << name;
        EXPECT_EQ(image.width, facts["training_loader_hw"][1]) << name;
      }
      const auto& means = facts[mode == ReadAs::kTraining ? "training_loader_mean_rgb"
                                                          : "evaluation_loader_mean_rgb"];
      for (std::size_t c = 0; c < 3; ++c) {
        double sum = 0;
        for (std::size_t i = c; i < image.pixels.size(); i += 3) sum += image.pixels[i];
        EXPECT_NEAR(sum / static_cast<double>(image.pixels.size() / 3), means[c].get<double>(),
                    1e-9)
            << name;
      }
    }
  }
}

TEST(PreprocessGolden, KeepRatioSize_AllPairs_EqualsMmcv) {
  TA_REQUIRE_GOLDEN("preprocess/preprocess.json");
  const json golden = read_golden_json("preprocess/preprocess.json");
  const json& pairs = golden["rescale_to_2048x448_w_h_neww_newh"];
  ASSERT_EQ(pairs.size(), 164U);
  for (const json& pair : pairs) {
    const Size size = keep_ratio_size({pair[0], pair[1]}, 448, 2048);
    EXPECT_EQ(size.width, pair[2].get<int>()) << pair;
    EXPECT_EQ(size.height, pair[3].get<int>()) << pair;
  }
}

TEST(PreprocessGolden, Normalise_TopLeftCorner_EqualsMmcv) {
  TA_REQUIRE_GOLDEN("preprocess/preprocess.safetensors");
  const json golden = read_golden_json("preprocess/preprocess.json");
  const auto tensors = read_golden_safetensors("preprocess/preprocess.safetensors");
  for (const auto& [name, facts] : golden["files"].items()) {
    const Image image = golden_image(kFolder + name, ReadAs::kEvaluation);
    const Image resized =
        resize_bilinear_opencv(image, facts["resized_hw"][1], facts["resized_hw"][0]);
    const std::vector<float> planes = normalize_planar(crop(resized, {0, 0, 16, 16}));
    const auto& expected = tensors.at("normalised_crop16." + name).bytes;
    ASSERT_EQ(expected.size(), planes.size() * sizeof(float));
    std::vector<float> values(planes.size());
    std::memcpy(values.data(), expected.data(), expected.size());
    for (std::size_t i = 0; i < planes.size(); ++i)
      ASSERT_NEAR(planes[i], values[i], 3e-7) << name << " " << i;
  }
}

TEST(PreprocessGolden, ImageNetSLabel_RgbPng_IsRedPlus256Green) {
  TA_REQUIRE_GOLDEN("preprocess/imagenets_label.png");
  const LabelMap label =
      decode_label_png(testing::read_golden_bytes("preprocess/imagenets_label.png"), "label")
          .value();
  const auto expected =
      read_golden_safetensors("preprocess/imagenets.safetensors").at("imagenets_label.decoded");
  std::vector<std::int32_t> ids(label.ids.size());
  ASSERT_EQ(expected.bytes.size(), ids.size() * sizeof(std::int32_t));
  std::memcpy(ids.data(), expected.bytes.data(), expected.bytes.size());
  EXPECT_TRUE(std::equal(ids.begin(), ids.end(), label.ids.begin()));
}

TEST(PreprocessGolden, LargeImageNetSImages_AreShrunkThenResized_AsReference) {
  TA_REQUIRE_GOLDEN("preprocess/imagenets.json");
  const auto facts = testing::read_golden_json("preprocess/imagenets.json");
  const auto& rows = facts.at("large_image_w_h_loadedw_loadedh_neww_newh");
  ASSERT_GT(rows.size(), 0u);
  for (const auto& row : rows) {
    const Size loaded = limit_pixels({row[0], row[1]}, 1'000'000, 1000);
    EXPECT_EQ(loaded.width, row[2]) << row;
    EXPECT_EQ(loaded.height, row[3]) << row;
    const Size resized = keep_ratio_size(loaded, 448, 2048);
    EXPECT_EQ(resized.width, row[4]) << row;
    EXPECT_EQ(resized.height, row[5]) << row;
  }
}

TEST(PreprocessGolden, PredictionEnlargement_IsOpenCvsNearestNeighbour) {
  TA_REQUIRE_GOLDEN("preprocess/imagenets.safetensors");
  const auto golden = read_golden_safetensors("preprocess/imagenets.safetensors");
  const auto map = [&](const std::string& name, int width, int height) {
    const auto& bytes = golden.at(name).bytes;
    std::vector<std::int32_t> ids(bytes.size() / sizeof(std::int32_t));
    std::memcpy(ids.data(), bytes.data(), bytes.size());
    return LabelMap{width, height, {ids.begin(), ids.end()}};
  };
  const LabelMap expected = map("prediction_upsample.output_31x40_nearest", 40, 31);
  ASSERT_EQ(expected.ids.size(), 31u * 40);
  const LabelMap enlarged = resize_nearest_opencv(map("prediction_upsample.input", 17, 13), 40, 31);
  EXPECT_EQ(enlarged.ids, expected.ids);
}

}  // namespace
}  // namespace tagalign::data
