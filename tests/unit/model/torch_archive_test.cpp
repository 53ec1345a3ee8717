#include "model/files/torch_weights.h"

#include <ATen/ops/equal.h>
#include <ATen/ops/tensor.h>
#include <gmock/gmock.h>

#include "tests/support/torch_files.h"

namespace tagalign::model {
namespace {

using tagalign::testing::float_bytes;
using tagalign::testing::PickleWriter;
using tagalign::testing::torch_archive;
using tagalign::testing::zip_archive;
using tagalign::testing::ZipEntry;
using ::testing::HasSubstr;
using View = PickleWriter::View;

Result<StateDict> weights(const std::string& bytes) {
  auto archive = TorchArchive::open(memory_source(as_bytes(bytes)), "FILE");
  if (!archive.ok()) return archive.status();
  return read_weights(*archive);
}

Status refusal(const std::string& bytes) {
  const auto read = weights(bytes);
  EXPECT_FALSE(read.ok());
  return read.ok() ? ok_status() : read.status();
}

/// A state dict with the one tensor "w", in a storage of six floats.
std::string one_tensor(const View& view,
                       const std::string& bytes = float_bytes({0, 1, 2, 3, 4, 5})) {
  return torch_archive(PickleWriter{}.raw("}").text("w").tensor(view).raw("s").end(),
                       {{"0", bytes}});
}

TEST(TorchArchive, StateDict_Views_KeepSizesStridesAndSharing) {
  PickleWriter writer;
  writer.raw("}").text("a").tensor({.elements = 6, .sizes = {2, 3}, .strides = {3, 1}}).raw("s");
  writer.text("b")
      .tensor({.elements = 6, .offset = 1, .sizes = {2, 2}, .strides = {1, 3}})
      .raw("s");
  writer.text("input_resolution").integer(64).raw("s");
  const auto read = weights(torch_archive(writer.end(), {{"0", float_bytes({0, 1, 2, 3, 4, 5})}}));
  ASSERT_TRUE(read.ok()) << read.status().message();
  ASSERT_EQ(read->size(), 2u);
  EXPECT_TRUE(at::equal(read->at("a"), at::tensor({0.f, 1.f, 2.f, 3.f, 4.f, 5.f}).view({2, 3})));
  EXPECT_TRUE(at::equal(read->at("b"), at::tensor({1.f, 4.f, 2.f, 5.f}).view({2, 2})));
  EXPECT_EQ(read->at("a").storage().data(), read->at("b").storage().data());
}

TEST(TorchArchive, StorageTypes_KeepTheirType) {
  const std::vector<std::tuple<std::string, at::ScalarType, std::size_t>> cases = {
      {"HalfStorage", at::kHalf, 2},     {"BFloat16Storage", at::kBFloat16, 2},
      {"DoubleStorage", at::kDouble, 8}, {"LongStorage", at::kLong, 8},
      {"IntStorage", at::kInt, 4},       {"ShortStorage", at::kShort, 2},
      {"CharStorage", at::kChar, 1},     {"ByteStorage", at::kByte, 1},
      {"BoolStorage", at::kBool, 1}};
  for (const auto& [type, expected, width] : cases) {
    const View view{.type = type, .elements = 3, .sizes = {3}, .strides = {1}};
    const auto read = weights(one_tensor(view, std::string(3 * width, '\x01')));
    ASSERT_TRUE(read.ok()) << type << ": " << read.status().message();
    EXPECT_EQ(read->at("w").scalar_type(), expected);
  }
}

TEST(TorchArchive, ViewOutsideItsStorage_IsRefused) {
  constexpr std::int64_t kHuge = INT64_MAX;
  const std::vector<View> views = {
      {.offset = 1, .sizes = {6}, .strides = {1}},
      {.sizes = {7}, .strides = {1}},
      {.sizes = {2, 3}, .strides = {4, 1}},
      {.offset = -1, .sizes = {2}, .strides = {1}},
      {.sizes = {2}, .strides = {-1}},
      {.sizes = {-2}, .strides = {1}},
      {.offset = kHuge, .sizes = {2}, .strides = {kHuge}},
      {.sizes = {kHuge, kHuge}, .strides = {kHuge, 1}},
      {.sizes = {kHuge}, .strides = {0}},
      {.sizes = {7}, .strides = {0}},
      {.sizes = {2, 2}, .strides = {1}},
      {.offset = 7, .sizes = {0}, .strides = {1}},
  };
  for (View view : views) {
    view.elements = 6;
    const auto status = refusal(one_tensor(view));
    EXPECT_EQ(status.code(), ErrorCode::kInvalidArgument);
    EXPECT_THAT(status.message(), HasSubstr("'w' does not lie within its storage"));
  }
}

TEST(TorchArchive, EmptyAndScalarTensors_AreRead) {
  const auto empty = weights(one_tensor({.elements = 6, .sizes = {0, 4}, .strides = {4, 1}}));
  ASSERT_TRUE(empty.ok()) << empty.status().message();
  EXPECT_EQ(empty->at("w").numel(), 0);
  const auto scalar = weights(one_tensor({.elements = 6, .offset = 5}));
  ASSERT_TRUE(scalar.ok()) << scalar.status().message();
  EXPECT_EQ(scalar->at("w").item<float>(), 5.0f);
}

TEST(TorchArchive, StorageOfAnotherSize_IsRefused) {
  const View view{.elements = 5, .sizes = {5}, .strides = {1}};
  EXPECT_THAT(refusal(one_tensor(view)).message(),
              HasSubstr("expected 5 elements of 4 bytes, found 24 bytes"));
  const View missing{.key = "../../etc/passwd", .elements = 6, .sizes = {6}, .strides = {1}};
  EXPECT_EQ(refusal(one_tensor(missing)).code(), ErrorCode::kNotFound);
}

TEST(TorchArchive, ForeignGlobalInAStateDict_IsRefusedByName) {
  PickleWriter writer;
  writer.raw("}").text("w").tensor({.elements = 6, .sizes = {6}, .strides = {1}}).raw("s");
  writer.global("os", "system").raw("(").text("true").raw("tR0");
  const auto status =
      refusal(torch_archive(writer.end(), {{"0", float_bytes({0, 1, 2, 3, 4, 5})}}));
  EXPECT_EQ(status.code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(status.message(), HasSubstr("os.system"));
  EXPECT_THAT(status.message(), HasSubstr("FILE"));
}

TEST(TorchArchive, ForeignObjectBesideTheModel_DoesNotStopTheReading) {
  PickleWriter writer;
  writer.raw("}").text("config").global("omegaconf.dictconfig", "DictConfig").raw(")\x81s");
  writer.text("model").raw("}").text("w");
  writer.tensor({.elements = 6, .sizes = {6}, .strides = {1}}).raw("ss");
  const auto read = weights(torch_archive(writer.end(), {{"0", float_bytes({0, 1, 2, 3, 4, 5})}}));
  ASSERT_TRUE(read.ok()) << read.status().message();
  EXPECT_EQ(read->size(), 1u);
}

TEST(TorchArchive, ForeignObjectWithinTheModel_IsRefusedByName) {
  PickleWriter writer;
  writer.raw("}").text("model").raw("}").text("w").global("posix", "system").raw(")Rss");
  EXPECT_THAT(refusal(torch_archive(writer.end(), {})).message(),
              HasSubstr("'w' is posix.system, expected a tensor"));
}

TEST(TorchArchive, ScriptModules_AreFlattenedByAttribute) {
  PickleWriter writer;
  writer.global("__torch__", "CLIP").raw(")\x81}(").text("logit_scale");
  writer.tensor({.elements = 1, .sizes = {}, .strides = {}}).text("training").raw("\x89");
  writer.text("visual").global("__torch__", "Visual").raw(")\x81}").text("proj");
  writer.tensor({.key = "1", .elements = 2, .sizes = {2}, .strides = {1}}).raw("sb").raw("ub");
  const auto read =
      weights(torch_archive(writer.end(), {{"0", float_bytes({4})}, {"1", float_bytes({1, 2})}}));
  ASSERT_TRUE(read.ok()) << read.status().message();
  ASSERT_EQ(read->size(), 2u);
  EXPECT_EQ(read->at("logit_scale").item<float>(), 4.0f);
  EXPECT_EQ(read->at("visual.proj").size(0), 2);
}

TEST(TorchArchive, ModuleThatHoldsItself_EndsWithAMessage) {
  PickleWriter writer;
  writer.global("__torch__", "A")
      .raw(std::string(")\x81q\0}", 5))
      .text("a")
      .raw(std::string("h\0sb", 4));
  EXPECT_THAT(refusal(torch_archive(writer.end(), {})).message(), HasSubstr("64 deep"));
}

TEST(TorchArchive, CompressedEntry_IsRefusedUnread) {
  const std::string bomb = zip_archive(
      {{.name = "a/data.pkl", .bytes = "\x78\x9c", .method = 8, .announced_bytes = 0xfffffff0u}});
  const auto status = refusal(bomb);
  EXPECT_EQ(status.code(), ErrorCode::kUnsupported);
  EXPECT_THAT(status.message(), HasSubstr("compressed"));
}

TEST(TorchArchive, EntryLargerThanTheArchive_IsRefused) {
  const std::string bytes =
      zip_archive({{.name = "a/data.pkl", .bytes = "\x80\x02N.", .announced_bytes = 0x7ffffff0u}});
  EXPECT_EQ(refusal(bytes).code(), ErrorCode::kDataLoss);
}

TEST(TorchArchive, DamagedByte_FailsItsChecksum) {
  const View view{.elements = 6, .sizes = {6}, .strides = {1}};
  std::string bytes = one_tensor(view);
  const auto at = bytes.find(float_bytes({4, 5}));
  ASSERT_NE(at, std::string::npos);
  bytes[at] = '\x55';
  const auto status = refusal(bytes);
  EXPECT_EQ(status.code(), ErrorCode::kDataLoss);
  EXPECT_THAT(status.message(), HasSubstr("archive/data/0"));
}

TEST(TorchArchive, OtherZip_SaysWhatIsMissing) {
  EXPECT_THAT(refusal(zip_archive({{.name = "word/document.xml", .bytes = "<w/>"}})).message(),
              HasSubstr("data.pkl"));
  EXPECT_THAT(refusal(zip_archive({{.name = "a/data.pkl", .bytes = "N."},
                                   {.name = "b/data.pkl", .bytes = "N."}}))
                  .message(),
              HasSubstr("expected one"));
}

TEST(TorchArchive, BigEndianFile_IsRefused) {
  EXPECT_EQ(refusal(zip_archive({{.name = "a/data.pkl", .bytes = "\x80\x02}."},
                                 {.name = "a/byteorder", .bytes = "big"}}))
                .code(),
            ErrorCode::kUnsupported);
}

TEST(TorchArchive, BoolsThatAreNone_AreRefused) {
  const View view{.type = "BoolStorage", .elements = 2, .sizes = {2}, .strides = {1}};
  EXPECT_THAT(refusal(one_tensor(view, "\x01\x02")).message(), HasSubstr("neither 0 nor 1"));
}

}  // namespace
}  // namespace tagalign::model
