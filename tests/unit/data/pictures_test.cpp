// Small pictures of every kind, damaged ones among them, against what Pillow and OpenCV made of
// them (data/pictures.txt, whose head says how).
#include <gtest/gtest.h>

#include "base/checksum.h"
#include "base/format.h"
#include "data/image/image.h"
#include "tests/unit/data/stored_pictures.h"

namespace tagalign::data {
namespace {

/// In the words of pictures.txt. Whatever is refused is refused as broken, under its name.
std::string ours(const Picture& picture, ReadAs mode) {
  const Result<Image> image = decode_image(picture.bytes, mode, picture.name);
  if (image.ok()) {
    const std::string_view pixels(reinterpret_cast<const char*>(image->pixels.data()),
                                  image->pixels.size());
    return format("{}x{}:{}", image->width, image->height, digest128(as_bytes(pixels)).hex());
  }
  const bool named = image.status().message().find(picture.name) != std::string::npos;
  return named && image.status().code() == ErrorCode::kDataLoss ? "-" : image.status().to_string();
}

TEST(Pictures, OfEveryKind_ReadForTraining_HavePillowsPixels) {
  std::size_t compared = 0;
  for (const Picture& picture : stored_pictures()) {
    if (picture.training == "?") continue;
    EXPECT_EQ(ours(picture, ReadAs::kTraining), picture.training) << picture.name;
    ++compared;
  }
  EXPECT_GT(compared, 140U);
}

TEST(Pictures, OfEveryKind_ReadForEvaluation_HaveOpenCvsPixelsAndOrientation) {
  std::size_t compared = 0;
  for (const Picture& picture : stored_pictures()) {
    if (picture.evaluation == "?") continue;
    EXPECT_EQ(ours(picture, ReadAs::kEvaluation), picture.evaluation) << picture.name;
    ++compared;
  }
  EXPECT_GT(compared, 140U);
}

}  // namespace
}  // namespace tagalign::data
