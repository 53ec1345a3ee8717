#include "model/files/file_kind.h"

#include <gmock/gmock.h>

#include "tests/support/torch_files.h"

namespace tagalign::model {
namespace {

using tagalign::testing::PickleWriter;
using tagalign::testing::torch_archive;
using tagalign::testing::torch_stream;
using ::testing::HasSubstr;

WeightsFormat format_of(const std::string& text) {
  return weights_format(as_bytes(text).first(std::min(text.size(), kFormatBytes)));
}
std::string said_of(const std::string& text) {
  EXPECT_EQ(format_of(text), WeightsFormat::kOther) << text;
  return other_kind(as_bytes(text).first(std::min(text.size(), kFormatBytes)));
}
/// `text` at byte `at` of a file of zeros.
std::string at_byte(std::size_t at, const std::string& text) {
  std::string file(kFormatBytes, '\0');
  return file.replace(at, text.size(), text);
}

TEST(WeightsFormat, FirstBytes_TellTheThreeKinds) {
  EXPECT_EQ(format_of(torch_archive("N.", {})), WeightsFormat::kTorchZip);
  EXPECT_EQ(format_of(torch_stream(PickleWriter{}.raw("}").end(), {})),
            WeightsFormat::kTorchLegacy);
  EXPECT_EQ(format_of(std::string(
                "\x80\x04\x95\x0d\0\0\0\0\0\0\0\x8a\x0al\xfc\x9c\x46\xf9 j\xa8P\x19.", 24)),
            WeightsFormat::kTorchLegacy);
  EXPECT_EQ(format_of(std::string("\x02\0\0\0\0\0\0\0{}", 10)), WeightsFormat::kSafetensors);
  EXPECT_EQ(format_of(std::string("\x04\0\0\0\0\0\0\0 \n{}", 12)), WeightsFormat::kSafetensors);
}

/// A header whose length spells gzip's mark is a header still.
TEST(WeightsFormat, LengthThatLooksLikeAMark_IsSafetensors) {
  EXPECT_EQ(format_of(std::string("\x1f\x8b\x08\0\0\0\0\0{\"a\": {", 15)),
            WeightsFormat::kSafetensors);
}

/// A download that ended early is for the reader of its kind, which says how much is missing.
TEST(WeightsFormat, FileThatWasCutOff_KeepsItsKind) {
  EXPECT_EQ(format_of(std::string("\x10\0\0\0\0\0\0\0", 8)), WeightsFormat::kSafetensors);
  EXPECT_EQ(format_of(torch_archive("N.", {}).substr(0, 20)), WeightsFormat::kTorchZip);
}

// weights-lfs-pointer
TEST(OtherKind, PointersToFiles_SayHowToFetchThem) {
  EXPECT_THAT(said_of("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12345\n"),
              HasSubstr("is a git-lfs pointer (the file itself was not fetched): git lfs pull"));
  EXPECT_THAT(said_of("version https://hawser.github.com/spec/v1\noid sha256:00\n"),
              HasSubstr("git lfs pull"));
  EXPECT_THAT(said_of("/annex/objects/SHA256E-s12--00.pth\n"), HasSubstr("git annex get"));
}

// weights-html-page
TEST(OtherKind, PagesAndRefusals_AreNotTheFile) {
  for (const char* page :
       {"<!DOCTYPE html><html>Google Drive - Virus scan warning", "\r\n\r\n  <HTML><head>",
        "\xef\xbb\xbf<!doctype HTML>", "<head><title>Sign in"}) {
    EXPECT_THAT(said_of(page), HasSubstr("is a web page, not the file: download it again"));
  }
  EXPECT_THAT(said_of("<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code></Error>"),
              HasSubstr("is an XML text"));
  EXPECT_THAT(said_of("{\"error\": \"Repository not found\"}"), HasSubstr("is a JSON text"));
  EXPECT_THAT(said_of("{\"metadata\": {}, \"weight_map\": {\"a\": \"model-1.safetensors\"}}"),
              HasSubstr("index of weights in several files"));
  EXPECT_THAT(said_of("Invalid username or password.\nsecond"),
              HasSubstr("a text that begins with 'Invalid username or password.'"));
  EXPECT_THAT(said_of("short"), HasSubstr("'short'"));
}

// weights-gzip
TEST(OtherKind, CompressedFiles_SayWhatUnpacksThem) {
  EXPECT_EQ(said_of("\x1f\x8b\x08" + std::string(51, 'x')),
            "is compressed (gzip): unpack it with gunzip");
  EXPECT_THAT(said_of("BZh91AY&SY"), HasSubstr("bzip2"));
  EXPECT_THAT(said_of(std::string("\xfd") + std::string("7zXZ\0\0\x04", 7)), HasSubstr("(xz)"));
  EXPECT_THAT(said_of("\x28\xb5\x2f\xfd\x24"), HasSubstr("zstd"));
  EXPECT_THAT(said_of("\x04\x22\x4d\x18\x64"), HasSubstr("lz4"));
  EXPECT_THAT(said_of("7z\xbc\xaf\x27\x1c"), HasSubstr("7z archive"));
  EXPECT_THAT(said_of("Rar!\x1a\x07\x01"), HasSubstr("rar archive"));
  EXPECT_THAT(said_of(at_byte(257, "ustar")), HasSubstr("is a tar archive: unpack it"));
}

TEST(OtherKind, OtherModelsAndPickles_AreNamed) {
  EXPECT_THAT(said_of("\x89HDF\r\n\x1a\n"), HasSubstr("HDF5"));
  EXPECT_THAT(said_of("GGUF\x03"), HasSubstr("GGUF"));
  EXPECT_THAT(said_of("\x93NUMPY\x01"), HasSubstr("NumPy"));
  EXPECT_THAT(said_of(at_byte(4, "TFL3")), HasSubstr("TensorFlow Lite"));
  EXPECT_THAT(said_of(PickleWriter{}.raw("}").end()),
              HasSubstr("is a pickle that torch.save did not write"));
}

TEST(OtherKind, EmptyZeroAndUnknownFiles_AreSaidSo) {
  EXPECT_THAT(said_of(""), HasSubstr("is empty"));
  EXPECT_THAT(said_of(std::string(4096, '\0')), HasSubstr("nothing but zeros"));
  EXPECT_EQ(said_of("\x01\x02\xff\xfe\xff\xff\xff\xff\xff"),
            "begins with the bytes 01 02 ff fe ff ff ff ff, as no file of weights does: download "
            "it again");
}

/// Any bytes get an answer in ASCII, which every writer of messages takes.
TEST(OtherKind, TextOfAnyEncoding_IsShownInAscii) {
  for (const char c : said_of("caf\xe9 \xff in latin1")) {
    EXPECT_LT(static_cast<unsigned char>(c), 0x80);
  }
}

}  // namespace
}  // namespace tagalign::model
