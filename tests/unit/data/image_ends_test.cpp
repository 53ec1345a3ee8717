// Pictures whose end is missing or overwritten: refused when a pixel depends on it, in training as
// Pillow refuses them and in evaluation as OpenCV 5 does.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/image/image.h"
#include "tests/unit/data/image_samples.h"

namespace tagalign::data {
namespace {

using ::testing::HasSubstr;

constexpr ReadAs kBoth[] = {ReadAs::kTraining, ReadAs::kEvaluation};

/// `count` zeros between the first segment of a JPEG and the second: libjpeg warns of them before
/// it meets anything else.
std::string with_stray_bytes(std::string jpeg, std::size_t count) {
  constexpr std::size_t kBehindApp0 = 20;
  return jpeg.insert(kBehindApp0, count, '\0');
}

void expect_cut(const std::string& bytes) {
  for (const ReadAs mode : kBoth) {
    const Status status = decode_image(bytes, mode, "cut.jpg").status();
    EXPECT_EQ(status.code(), ErrorCode::kDataLoss) << bytes.size();
    EXPECT_THAT(status.message(), HasSubstr("cut.jpg"));
    EXPECT_THAT(status.message(), HasSubstr("ends early"));
  }
}

TEST(JpegEnd, CutBehindStrayBytes_IsDataLoss) {
  const std::string jpeg = with_stray_bytes(encode_jpeg(sample_image(120, 90), 90), 3);
  EXPECT_TRUE(decode_image(jpeg, ReadAs::kTraining, "whole").ok());
  expect_cut(jpeg.substr(0, jpeg.size() * 4 / 10));
  expect_cut(jpeg.substr(0, jpeg.size() - 40));
}

TEST(JpegEnd, ProgressiveCutBehindStrayBytes_IsDataLoss) {
  const std::string jpeg = with_stray_bytes(progressive_jpeg(sample_image(120, 90)), 2);
  EXPECT_TRUE(decode_image(jpeg, ReadAs::kTraining, "whole").ok());
  for (const std::size_t percent : {50, 75, 90})
    expect_cut(jpeg.substr(0, jpeg.size() * percent / 100));
}

TEST(JpegEnd, EveryTruncation_IsAnError_WithOtherWarningsAndWithout) {
  const std::string plain = encode_jpeg(sample_image(24, 20), 85);
  for (const std::string& jpeg : {plain, with_stray_bytes(plain, 1)}) {
    for (std::size_t length = 4; length + 1 < jpeg.size(); ++length)
      for (const ReadAs mode : kBoth)
        ASSERT_FALSE(decode_image(jpeg.substr(0, length), mode, "cut").ok()) << length;
  }
}

TEST(JpegEnd, ZerosInPlaceOfTheEndMarker_AreReadWhole) {
  const std::string jpeg = encode_jpeg(sample_image(40, 24), 85);
  for (const ReadAs mode : kBoth) {
    const Image whole = decode_image(jpeg, mode, "a").value();
    const std::string zeros = jpeg.substr(0, jpeg.size() - 2) + std::string(64, '\0');
    const Result<Image> read = decode_image(zeros, mode, "zeros");
    ASSERT_TRUE(read.ok()) << read.status().to_string();
    EXPECT_EQ(read->pixels, whole.pixels);
  }
}

TEST(PngEnd, CutBehindTheLastPixel_IsReadForTraining_AndRefusedForEvaluation) {
  const Image image = sample_image(6, 5);
  const std::string png = encode_png(image);
  constexpr std::size_t kEndChunk = 12;
  for (std::size_t length = png.size() - kEndChunk; length < png.size(); ++length) {
    const Result<Image> read = decode_image(png.substr(0, length), ReadAs::kTraining, "cut");
    ASSERT_TRUE(read.ok()) << length << read.status().to_string();
    EXPECT_EQ(read->pixels, image.pixels);
    EXPECT_FALSE(decode_image(png.substr(0, length), ReadAs::kEvaluation, "cut").ok()) << length;
  }
}

TEST(PngEnd, CutBeforeTheLastPixel_IsAnError) {
  const std::string png = encode_png(sample_image(6, 5));
  constexpr std::size_t kChecksumsAndEndChunk = 12 + 4 + 4;  // Adler-32 and CRC behind the pixels
  for (std::size_t length = 0; length + kChecksumsAndEndChunk + 1 < png.size(); ++length) {
    for (const ReadAs mode : kBoth)
      EXPECT_FALSE(decode_image(png.substr(0, length), mode, "cut").ok()) << length;
  }
}

TEST(PngEnd, WrongChecksumOfThePixels_IsPassedOverInTrainingOnly) {
  const Image image = sample_image(6, 5);
  std::string png = encode_png(image);
  png[png.size() - 13] ^= 1;
  const Result<Image> read = decode_image(png, ReadAs::kTraining, "crc");
  ASSERT_TRUE(read.ok()) << read.status().to_string();
  EXPECT_EQ(read->pixels, image.pixels);
  EXPECT_FALSE(decode_image(png, ReadAs::kEvaluation, "crc").ok());
}

TEST(LabelPngEnd, EveryTruncation_IsAnError) {
  const std::string png = encode_label_png({3, 2, {0, 1, 2, 3, 14, 255}});
  for (std::size_t length = 0; length < png.size(); ++length)
    EXPECT_FALSE(decode_label_png(png.substr(0, length), "cut").ok()) << length;
}

}  // namespace
}  // namespace tagalign::data
