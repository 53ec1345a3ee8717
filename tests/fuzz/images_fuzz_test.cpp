// Image decoders against damaged bytes: every answer is an image of the size that it says, or a
// Status that names the file; nothing crashes, loops or takes memory that the header alone asks for.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/limits.h"
#include "data/image/image.h"
#include "tests/fuzz/mutation.h"
#include "tests/unit/data/stored_pictures.h"

namespace tagalign::data {
namespace {

using fuzz::mutated;
using fuzz::Rounds;

constexpr int kImages = 4'000;
/// A header may ask for the largest image that is read; a decoder has one beside ours.
constexpr long kGrowthKiBMax = 2 * 4 * static_cast<long>(limits::kImagePixelsMax / 1024) + 131'072;

/// Those whose name begins so.
std::vector<std::string> seeds(const std::string& prefix) {
  std::vector<std::string> found;
  for (const Picture& picture : stored_pictures())
    if (picture.name.starts_with(prefix)) found.push_back(picture.bytes);
  return found;
}

void expect_whole(const Result<Image>& image) {
  if (image.ok()) {
    EXPECT_EQ(image->pixels.size(), static_cast<std::size_t>(image->width) *
                                        static_cast<std::size_t>(image->height) *
                                        static_cast<std::size_t>(image->channels));
  } else {
    EXPECT_NE(image.status().message().find("fuzz.jpg"), std::string::npos)
        << image.status().to_string();
  }
}

class ImagesFuzz : public ::testing::TestWithParam<const char*> {};

TEST_P(ImagesFuzz, DamagedImages_GiveAnImageOrAStatusThatNamesThem) {
  const std::vector<std::string> corpus = seeds(GetParam());
  ASSERT_GT(corpus.size(), 5u);
  const long before_kib = fuzz::peak_kib();
  int whole = 0;
  Rounds rounds(kImages);
  while (rounds.more()) {
    const std::string& seed = corpus[fuzz::below(rounds.random(), corpus.size())];
    const std::string bytes = rounds.first() ? seed : mutated(seed, rounds.random());
    for (const ReadAs mode : {ReadAs::kTraining, ReadAs::kEvaluation}) {
      const auto image = decode_image(bytes, mode, "fuzz.jpg");
      expect_whole(image);
      whole += image.ok() ? 1 : 0;
    }
  }
  EXPECT_GT(whole, rounds.done() / 50);
  EXPECT_LT(fuzz::peak_kib() - before_kib, kGrowthKiBMax);
}

INSTANTIATE_TEST_SUITE_P(Formats, ImagesFuzz,
                         ::testing::Values("jpg", "png", "webp", "gif", "exif"),
                         [](const auto& instance) { return std::string(instance.param); });

/// Some box within an image.
CropBox any_box(Size size, fuzz::Random& random) {
  const auto below = [&](int count) {
    return static_cast<int>(fuzz::below(random, static_cast<std::size_t>(count)));
  };
  CropBox box{below(size.height), below(size.width), 0, 0};
  box.height = 1 + below(size.height - box.top);
  box.width = 1 + below(size.width - box.left);
  return box;
}

/// The bytes of a row of the box, which lies so in `image`.
std::string_view row_of(const Image& image, const CropBox& box, int row) {
  const auto at = (static_cast<std::size_t>(box.top + row) * static_cast<std::size_t>(image.width) +
                   static_cast<std::size_t>(box.left)) *
                  3;
  return {reinterpret_cast<const char*>(&image.pixels[at]),
          static_cast<std::size_t>(box.width) * 3};
}

TEST(PartsFuzz, DamagedJpegs_GiveThePixelsOfTheWholeImage_OrItsStatus) {
  const std::vector<std::string> corpus = seeds("jpg");
  int whole = 0;
  Rounds rounds(kImages);
  while (rounds.more()) {
    const std::string& seed = corpus[fuzz::below(rounds.random(), corpus.size())];
    const std::string bytes = mutated(seed, rounds.random());
    CropBox box;
    const auto part = decode_region(
        bytes, "fuzz.jpg", [&](Size size) { return box = any_box(size, rounds.random()); });
    const auto image = decode_image(bytes, ReadAs::kTraining, "fuzz.jpg");
    ASSERT_EQ(part.status().to_string(), image.status().to_string());
    if (!image.ok()) continue;
    ++whole;
    for (int row = 0; row < box.height; ++row)
      ASSERT_EQ(row_of(part->image, part->box, row), row_of(*image, box, row)) << row;
  }
  EXPECT_GT(whole, rounds.done() / 50);
}

TEST(LabelsFuzz, DamagedLabelMaps_GiveIdsOrAStatus) {
  std::vector<std::string> corpus = seeds("png");
  corpus.push_back(encode_label_png({5, 3, std::vector<std::uint16_t>(15, 7)}));
  corpus.push_back(encode_label_png({5, 3, std::vector<std::uint16_t>(15, 700)}));
  int whole = 0;
  Rounds rounds(kImages);
  while (rounds.more()) {
    const std::string& seed = corpus[fuzz::below(rounds.random(), corpus.size())];
    const auto label = decode_label_png(mutated(seed, rounds.random()), "fuzz.png");
    if (label.ok()) {
      EXPECT_EQ(label->ids.size(),
                static_cast<std::size_t>(label->width) * static_cast<std::size_t>(label->height));
      ++whole;
    } else {
      EXPECT_NE(label.status().message().find("fuzz.png"), std::string::npos);
    }
  }
  EXPECT_GT(whole, 0);
}

}  // namespace
}  // namespace tagalign::data
