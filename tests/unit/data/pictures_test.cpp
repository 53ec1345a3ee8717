// Small pictures of every kind, damaged ones among them, against what Pillow and OpenCV made of
// them (data/pictures.txt, whose head says how).
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "base/checksum.h"
#include "base/format.h"
#include "data/image/image.h"

namespace tagalign::data {
namespace {

struct Picture {
  std::string name;
  std::string training;
  std::string evaluation;
  std::string bytes;
};

std::string from_hex(const std::string& digits) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < digits.size(); i += 2)
    bytes += static_cast<char>(std::stoi(digits.substr(i, 2), nullptr, 16));
  return bytes;
}

std::vector<Picture> stored_pictures() {
  std::ifstream file(Path(std::getenv("TAGALIGN_SOURCE")) / "tests/unit/data/data/pictures.txt");
  std::vector<Picture> pictures;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with('#')) continue;
    Picture picture;
    std::istringstream(line) >> picture.name >> picture.training >> picture.evaluation >>
        picture.bytes;
    picture.bytes = from_hex(picture.bytes);
    pictures.push_back(std::move(picture));
  }
  return pictures;
}

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
