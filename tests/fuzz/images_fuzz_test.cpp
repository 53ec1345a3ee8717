// Image decoders against damaged bytes: every answer is an image of the size that it says, or a
// Status that names the file; nothing crashes, loops or takes memory that the header alone asks for.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "data/image/image.h"
#include "tests/fuzz/mutation.h"
#include "tests/unit/data/stored_pictures.h"

namespace tagalign::data {
namespace {

using fuzz::mutated;
using fuzz::Rounds;

constexpr int kImages = 4'000;
constexpr long kGrowthKiBMax = 512 * 1024;

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

INSTANTIATE_TEST_SUITE_P(Formats, ImagesFuzz, ::testing::Values("jpg", "png", "webp", "gif", "exif"),
                         [](const auto& instance) { return std::string(instance.param); });

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
