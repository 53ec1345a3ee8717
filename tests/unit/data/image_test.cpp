#include "data/image/image.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/image/codecs/exif.h"
#include "tests/unit/data/image_samples.h"
#include "tests/unit/data/temporary_folder.h"

namespace tagalign::data {
namespace {

using ::testing::HasSubstr;

TEST(Png, RgbImage_EncodedAndDecoded_IsEqual) {
  const Image image = sample_image(31, 17, 90);
  const Image back = decode_image(encode_png(image), ReadAs::kTraining, "a").value();
  EXPECT_EQ(back.width, 31);
  EXPECT_EQ(back.height, 17);
  EXPECT_EQ(back.pixels, image.pixels);
}

TEST(Png, GreyImage_Decoded_BecomesRgb) {
  const Image grey{3, 1, 1, {0, 100, 255}};
  const Image back = decode_image(encode_png(grey), ReadAs::kTraining, "a").value();
  EXPECT_EQ(back.pixels, (std::vector<std::uint8_t>{0, 0, 0, 100, 100, 100, 255, 255, 255}));
}

TEST(Png, SixteenBits_Decoded_KeepUpperByte) {
  const Image image = decode_image(sixteen_bit_png(4, 4), ReadAs::kTraining, "a").value();
  EXPECT_EQ(image.pixels, std::vector<std::uint8_t>(48, 0xC0));
}

TEST(LabelPng, SmallAndLargeIds_EncodedAndDecoded_AreEqual) {
  for (const std::uint16_t top : {std::uint16_t{255}, std::uint16_t{1000}}) {
    const LabelMap label{3, 2, {0, 1, 2, 3, 14, top}};
    EXPECT_EQ(decode_label_png(encode_label_png(label), "a").value().ids, label.ids);
  }
}

TEST(LabelPng, RgbPixels_Decoded_AreRedPlus256Green) {
  const Image image{2, 1, 3, {7, 0, 99, 232, 3, 0}};
  EXPECT_EQ(decode_label_png(encode_png(image), "a").value().ids,
            (std::vector<std::uint16_t>{7, 1000}));
}

TEST(Jpeg, RgbImage_EncodedAndDecoded_IsClose) {
  const Image image = sample_image(64, 48, 120);
  const Image back = decode_image(encode_jpeg(image, 95), ReadAs::kTraining, "a").value();
  ASSERT_EQ(back.pixels.size(), image.pixels.size());
  for (std::size_t i = 0; i < back.pixels.size(); ++i)
    ASSERT_NEAR(back.pixels[i], image.pixels[i], 8);
}

TEST(Jpeg, CmykImage_BothReaders_GiveRgb) {
  for (const ReadAs mode : {ReadAs::kTraining, ReadAs::kEvaluation}) {
    const Image image = decode_image(cmyk_jpeg(16, 16), mode, "a").value();
    ASSERT_EQ(image.pixels.size(), 16U * 16U * 3U);
    EXPECT_NEAR(image.pixels[0], 60 * 60 / 255, 1);
  }
}

TEST(Jpeg, CmykWithoutAdobeMarker_BothReaders_TakeItAsInverted) {
  std::string bytes = cmyk_jpeg(16, 16);
  ASSERT_NE(bytes.find("Adobe"), std::string::npos);
  bytes[bytes.find("Adobe")] = 'X';
  // The sample is stored as YCCK, which without the marker is read as CMYK: 195, 128, 128, 60 of
  // 255 are left after the ink.
  for (const ReadAs mode : {ReadAs::kTraining, ReadAs::kEvaluation}) {
    const Image image = decode_image(bytes, mode, "a").value();
    EXPECT_NEAR(image.pixels[0], 195 * 60 / 255, 1);
    EXPECT_NEAR(image.pixels[1], 128 * 60 / 255, 1);
  }
}

TEST(Orientation, AllEight_KnownImage_MoveTheFirstPixelWhereExifSays) {
  // Pixels 1 2 3 / 4 5 6; EXIF: 1 as stored … 8 turned by 270° clockwise.
  const Image image{3, 2, 1, {1, 2, 3, 4, 5, 6}};
  const std::vector<std::vector<std::uint8_t>> expected{
      {1, 2, 3, 4, 5, 6}, {3, 2, 1, 6, 5, 4}, {6, 5, 4, 3, 2, 1}, {4, 5, 6, 1, 2, 3},
      {1, 4, 2, 5, 3, 6}, {4, 1, 5, 2, 6, 3}, {6, 3, 5, 2, 4, 1}, {3, 6, 2, 5, 1, 4}};
  for (int orientation = 1; orientation <= 8; ++orientation) {
    const Image turned = apply_orientation(image, orientation);
    EXPECT_EQ(turned.pixels, expected[static_cast<std::size_t>(orientation - 1)]) << orientation;
    EXPECT_EQ(turned.width, orientation >= 5 ? 2 : 3);
  }
}

TEST(DecodeImage, EmptyFile_IsDataLossThatNamesIt) {
  const Status status = decode_image("", ReadAs::kTraining, "dog.jpg").status();
  EXPECT_EQ(status.code(), ErrorCode::kDataLoss);
  EXPECT_THAT(status.message(), HasSubstr("dog.jpg"));
  EXPECT_THAT(status.message(), HasSubstr("empty file"));
}

TEST(DecodeImage, ForeignFile_IsDataLossThatNamesItsFormat) {
  using namespace std::string_literals;
  const std::vector<std::pair<std::string, std::string>> files{
      {"BM\x46\0\0\0"s, "found a BMP image"},
      {"II*\0\x08\0\0\0"s, "found a TIFF image"},
      {"MM\0*\0\0\0\x08"s, "found a TIFF image"},
      {"\0\0\0\x1c"
       "ftypavif\0\0\0\0"s,
       "found an AVIF image"},
      {"\0\0\0\x18"
       "ftypheic\0\0\0\0"s,
       "found a HEIC image"},
      {"\xff\x0a\x7f\x90"s, "found a JPEG XL image"},
      {"\n <!DOCTYPE HTML><html>"s, "found an HTML page"},
      {"<?xml version=\"1.0\"?><svg/>"s, "found an SVG drawing"},
      {"version https://git-lfs.github.com/spec/v1\n"s, "found a pointer of Git LFS"}};
  for (const auto& [bytes, found] : files) {
    const Status status = decode_image(bytes, ReadAs::kTraining, "dog.jpg").status();
    EXPECT_EQ(status.code(), ErrorCode::kDataLoss);
    EXPECT_THAT(status.message(), HasSubstr("dog.jpg"));
    EXPECT_THAT(status.message(), HasSubstr(found));
  }
}

TEST(DecodeImage, UnknownFile_IsDataLossThatShowsItsStart) {
  const Status status = decode_image("dog and cat", ReadAs::kTraining, "dog.jpg").status();
  EXPECT_EQ(status.code(), ErrorCode::kDataLoss);
  EXPECT_THAT(status.message(), HasSubstr("64 6f 67 20;"));
}

TEST(DecodeImage, TruncatedFiles_AreDataLoss) {
  for (const std::string& bytes :
       {encode_png(sample_image(40, 40)), encode_jpeg(sample_image(40, 40), 90)}) {
    const Status status =
        decode_image(bytes.substr(0, bytes.size() / 2), ReadAs::kTraining, "half").status();
    EXPECT_EQ(status.code(), ErrorCode::kDataLoss);
    EXPECT_THAT(status.message(), HasSubstr("half"));
  }
}

TEST(DecodeImage, MorePixelsThanTheLimit_IsRefusedByItsHeader) {
  // A JPEG header may claim 65500 x 65500 pixels; the frame's height and width lie 5
  // bytes after its marker.
  std::string bytes = encode_jpeg(sample_image(16, 16), 90);
  const std::size_t frame = bytes.find("\xff\xc0");
  ASSERT_NE(frame, std::string::npos);
  for (const std::size_t at : {frame + 5, frame + 7}) bytes[at] = '\xf0';
  const Status status = decode_image(bytes, ReadAs::kTraining, "huge.jpg").status();
  EXPECT_EQ(status.code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(status.message(), HasSubstr("huge.jpg"));
  EXPECT_THAT(status.message(), HasSubstr("more than the limit"));
}

TEST(ReadImage, MissingFile_IsNotFound) {
  const TemporaryFolder folder;
  const Status status =
      read_image(posix_file_system(), folder.path() / "none.png", ReadAs::kTraining).status();
  EXPECT_EQ(status.code(), ErrorCode::kNotFound);
  EXPECT_THAT(status.message(), HasSubstr("none.png"));
}

TEST(OpenCvResize, EqualSize_IsCopied_AndHalvesAreMeans) {
  const Image image = sample_image(8, 6, 3);
  EXPECT_EQ(resize_bilinear_opencv(image, 8, 6).pixels, image.pixels);
  const Image four{2, 2, 1, {0, 1, 2, 4}};
  EXPECT_EQ(resize_bilinear_opencv(four, 1, 1).pixels, (std::vector<std::uint8_t>{2}));
}

TEST(OpenCvResize, ConstantImage_AnySize_StaysConstant) {
  const Image flat{7, 5, 3, std::vector<std::uint8_t>(105, 201)};
  for (const auto& [width, height] : {Size{13, 11}, Size{3, 2}, Size{1, 1}, Size{7, 90}}) {
    for (const std::uint8_t value : resize_bilinear_opencv(flat, width, height).pixels)
      ASSERT_EQ(value, 201);
  }
}

}  // namespace
}  // namespace tagalign::data
