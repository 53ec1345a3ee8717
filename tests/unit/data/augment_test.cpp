#include "data/training/augment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/training/augment_draws.h"
#include "data/training/rand_augment.h"
#include "tests/unit/data/image_samples.h"
#include "tests/unit/data/plain_augment.h"

namespace tagalign::data {
namespace {

using ::testing::HasSubstr;

RandomStream stream_of(std::uint64_t number) {
  return RandomStream({1, 2, number}, StreamPurpose::kAugment);
}

/// All of an image's augmentation, as the loader does it.
std::vector<float> augment_image(const Image& image, int size, const AugmentOptions& options,
                                 RandomStream& stream) {
  const auto side = static_cast<std::size_t>(size);
  std::vector<float> planes(3 * side * side);
  const CropBox box = draw_crop({image.width, image.height}, options, stream);
  augment_box({image, box}, size, options, stream, planes.data());
  return planes;
}

AugmentOptions unchanged() {
  AugmentOptions o;
  o.scale_min = o.scale_max = 1;
  o.ratio_min = o.ratio_max = 1;
  o.flip = 0;
  return o;
}

TEST(AugmentImage, NothingSwitchedOn_IsTheNormalisedImage) {
  const Image image = sample_image(16, 16, 50);
  RandomStream stream = stream_of(0);
  EXPECT_EQ(augment_image(image, 16, unchanged(), stream), plain::normalize(image));
}

TEST(AugmentImage, FlipAlways_IsTheMirroredImage) {
  const Image image = sample_image(16, 16, 50);
  AugmentOptions o = unchanged();
  o.flip = 1;
  RandomStream stream = stream_of(0);
  EXPECT_EQ(augment_image(image, 16, o, stream), plain::normalize(plain::flip_horizontal(image)));
}

TEST(AugmentImage, SameStream_GivesTheSameBits_OthersDiffer) {
  const Image image = sample_image(40, 30, 50);
  AugmentOptions o;
  o.rand_augment = "rand-m9-mstd0.5-inc1";
  o.erase = 0.5;
  RandomStream a = stream_of(3);
  RandomStream b = stream_of(3);
  RandomStream c = stream_of(4);
  const std::vector<float> first = augment_image(image, 24, o, a);
  EXPECT_EQ(first.size(), 3U * 24U * 24U);
  EXPECT_EQ(first, augment_image(image, 24, o, b));
  EXPECT_NE(first, augment_image(image, 24, o, c));
}

TEST(AugmentImage, AnySizeAndDraw_GivesThePlainWaysBits) {
  AugmentOptions o;
  o.rand_augment = "rand-m9-mstd0.5-inc1-n3";
  o.erase = 0.25;
  RandomStream sizes = stream_of(1000);
  for (std::uint64_t i = 0; i < 400; ++i) {
    const Image image = noisy_image(
        {1 + static_cast<int>(sizes.below(90)), 1 + static_cast<int>(sizes.below(70))}, sizes);
    const int size = 1 + static_cast<int>(sizes.below(48));
    RandomStream ours = stream_of(i), plainly = stream_of(i);
    ASSERT_EQ(augment_image(image, size, o, ours), plain::augment(image, size, o, plainly))
        << "sample " << i << ": " << image.width << " x " << image.height << " to " << size;
    ASSERT_EQ(ours.next_u32(), plainly.next_u32()) << "sample " << i << ": as many draws";
  }
}

TEST(AugmentImage, TinyAndThinImages_Work) {
  AugmentOptions o;
  o.rand_augment = "rand-m9-mstd0.5-inc1";
  o.erase = 1;
  for (const auto& [width, height] : {Size{1, 1}, Size{1, 300}, Size{300, 1}, Size{2, 3}}) {
    for (std::uint64_t i = 0; i < 60; ++i) {
      RandomStream stream = stream_of(i);
      EXPECT_EQ(augment_image(sample_image(width, height, 9), 16, o, stream).size(),
                3U * 16U * 16U);
    }
  }
}

TEST(Validate, BadRanges_NameTheirKey) {
  AugmentOptions o;
  EXPECT_TRUE(validate(o).ok());
  o.scale_min = 0;
  EXPECT_THAT(validate(o).message(), HasSubstr("augment.scale_min"));
  o = {};
  o.scale_max = 0.01;
  EXPECT_THAT(validate(o).message(), HasSubstr("augment.scale_max"));
  o = {};
  o.ratio_max = 0.1;
  EXPECT_THAT(validate(o).message(), HasSubstr("augment.ratio_max"));
  o = {};
  o.erase = -0.1;
  EXPECT_THAT(validate(o).message(), HasSubstr("augment.erase"));
}

TEST(ParseRandAugment, TimmsText_IsUnderstood) {
  const auto policy = parse_rand_augment("rand-m9-mstd0.5-inc1-n3");
  ASSERT_TRUE(policy.ok()) << policy.status().to_string();
  EXPECT_EQ(policy->magnitude, 9);
  EXPECT_EQ(policy->magnitude_std, 0.5);
  EXPECT_EQ(policy->layers, 3);
}

TEST(ParseRandAugment, BadTexts_NameTheBadPart) {
  for (const auto& [text, part] : {std::pair<std::string, std::string>{"augmix-m3", "'augmix'"},
                                   {"rand-m9-w1-inc1", "'w1'"},
                                   {"rand-m99-inc1", "'m99'"},
                                   {"rand-mx-inc1", "'mx'"},
                                   {"rand-n0-inc1", "'n0'"},
                                   {"rand--inc1", "''"},
                                   {"rand-m9", "inc1"}}) {
    const Status status = parse_rand_augment(text).status();
    EXPECT_EQ(status.code(), ErrorCode::kInvalidArgument) << text;
    EXPECT_THAT(status.message(), HasSubstr(part)) << text;
  }
}

}  // namespace
}  // namespace tagalign::data
