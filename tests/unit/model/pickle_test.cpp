#include "model/files/pickle.h"

#include <gmock/gmock.h>

#include "tests/support/torch_files.h"

namespace tagalign::model {
namespace {

using tagalign::testing::PickleWriter;
using ::testing::HasSubstr;

Result<Pickle> parse(const std::string& bytes) {
  return parse_pickle(bytes, "FILE: data.pkl");
}

/// The status of bytes that must be refused.
Status refusal(const std::string& bytes) {
  const auto pickle = parse(bytes);
  EXPECT_FALSE(pickle.ok());
  return pickle.ok() ? ok_status() : pickle.status();
}

std::string repeated(const std::string& part, std::size_t count) {
  std::string all;
  for (std::size_t i = 0; i < count; ++i) all += part;
  return all;
}

TEST(Pickle, PlainValues_OfAllKinds_AreRead) {
  PickleWriter writer;
  writer.raw("(")
      .raw("N\x88\x89")
      .integer(-3)
      .raw("K\x07")
      .raw("J")
      .raw(std::string("\xfe\xff\xff\xff", 4));
  writer.raw(std::string("G\x3f\xf8\0\0\0\0\0\0", 9)).text("grün").raw("C\x02\x01\x02").raw("t");
  const auto pickle = parse(writer.end());
  ASSERT_TRUE(pickle.ok()) << pickle.status().message();
  const auto& items = pickle->root->as<PickleTuple>()->items;
  ASSERT_EQ(items.size(), 9u);
  EXPECT_NE(items[0]->as<PickleNone>(), nullptr);
  EXPECT_TRUE(*items[1]->as<bool>());
  EXPECT_FALSE(*items[2]->as<bool>());
  EXPECT_EQ(*items[3]->as<std::int64_t>(), -3);
  EXPECT_EQ(*items[4]->as<std::int64_t>(), 7);
  EXPECT_EQ(*items[5]->as<std::int64_t>(), -2);
  EXPECT_EQ(*items[6]->as<double>(), 1.5);
  EXPECT_EQ(*items[7]->as<std::string>(), "grün");
  EXPECT_EQ(items[8]->as<PickleBytes>()->bytes, "\x01\x02");
  EXPECT_TRUE(pickle->refused.empty());
}

TEST(Pickle, OrderedDict_ItemsAndAttributes_KeepsTheItems) {
  PickleWriter writer;
  writer.global("collections", "OrderedDict").raw(")R(").text("a").integer(1);
  writer.text("a").integer(2).raw("u}").text("_metadata").raw("Nsb");
  const auto pickle = parse(writer.end());
  ASSERT_TRUE(pickle.ok()) << pickle.status().message();
  const auto* dict = pickle->root->as<PickleDict>();
  ASSERT_NE(dict, nullptr);
  EXPECT_EQ(*dict->find("a")->as<std::int64_t>(), 2);
  EXPECT_EQ(dict->find("_metadata"), nullptr);
}

TEST(Pickle, Tensor_StorageAndView_AreDescribed) {
  PickleWriter writer;
  writer.tensor({.type = "HalfStorage",
                 .key = "7",
                 .elements = 12,
                 .offset = 2,
                 .sizes = {2, 3},
                 .strides = {3, 1}});
  const auto pickle = parse(writer.end());
  ASSERT_TRUE(pickle.ok()) << pickle.status().message();
  const auto* tensor = pickle->root->as<PickleTensor>();
  ASSERT_NE(tensor, nullptr);
  EXPECT_EQ(tensor->offset, 2);
  EXPECT_THAT(tensor->sizes, ::testing::ElementsAre(2, 3));
  EXPECT_THAT(tensor->strides, ::testing::ElementsAre(3, 1));
  const auto* storage = tensor->storage->as<PickleStorage>();
  EXPECT_EQ(storage->type, "HalfStorage");
  EXPECT_EQ(storage->key, "7");
  EXPECT_EQ(storage->elements, 12);
}

TEST(Pickle, ScriptModule_State_BecomesAttributes) {
  PickleWriter writer;
  writer.global("__torch__.clip.model", "CLIP").raw(")\x81}").text("training").raw("\x89sb");
  const auto pickle = parse(writer.end());
  ASSERT_TRUE(pickle.ok()) << pickle.status().message();
  const auto* module = pickle->root->as<PickleModule>();
  ASSERT_NE(module, nullptr);
  EXPECT_EQ(module->class_name, "__torch__.clip.model.CLIP");
  EXPECT_FALSE(*module->attributes->as<PickleDict>()->find("training")->as<bool>());
}

TEST(Pickle, ForeignCall_IsNamedAndNeverMade) {
  PickleWriter writer;
  writer.raw("}").text("a").global("os", "system").raw("(").text("echo hello").raw("tRs");
  const auto pickle = parse(writer.end());
  ASSERT_TRUE(pickle.ok()) << pickle.status().message();
  const auto* refused = pickle->root->as<PickleDict>()->find("a")->as<PickleRefused>();
  ASSERT_NE(refused, nullptr);
  EXPECT_EQ(refused->name, "os.system");
  ASSERT_EQ(pickle->refused.size(), 1u);
  EXPECT_EQ(pickle->refused.begin()->first, "os.system");
  EXPECT_EQ(pickle->refused.begin()->second, 9u);  // the byte of its GLOBAL
}

TEST(Pickle, ForeignCallOnTheStack_ThrownAway_IsStillNamed) {
  const auto pickle =
      parse(PickleWriter{}.text("nt").text("system").raw("\x93(").text("true").raw("tR0}").end());
  ASSERT_TRUE(pickle.ok()) << pickle.status().message();
  EXPECT_TRUE(pickle->refused.contains("nt.system"));
}

TEST(Pickle, ForeignObject_StateAndItems_AreDropped) {
  PickleWriter writer;
  writer.global("omegaconf.listconfig", "ListConfig").raw(")\x81}").text("_content").raw("]sb");
  writer.text("more").raw("a");
  const auto pickle = parse(writer.end());
  ASSERT_TRUE(pickle.ok()) << pickle.status().message();
  EXPECT_EQ(pickle->root->as<PickleRefused>()->name, "omegaconf.listconfig.ListConfig");
}

TEST(Pickle, KnownNameCalledWrongly_IsRefusedWithItsPlace) {
  const auto status = refusal(PickleWriter{}
                                  .global("torch._utils", "_rebuild_tensor_v2")
                                  .raw("(")
                                  .text("x")
                                  .raw("tR")
                                  .end());
  EXPECT_EQ(status.code(), ErrorCode::kDataLoss);
  EXPECT_THAT(status.message(), HasSubstr("FILE: data.pkl, byte "));
  EXPECT_THAT(status.message(), HasSubstr("torch._utils._rebuild_tensor_v2"));
}

TEST(Pickle, Truncated_AnyLength_IsRefused) {
  const std::string whole = PickleWriter{}
                                .raw("}")
                                .text("w")
                                .tensor({.elements = 1, .sizes = {1}, .strides = {1}})
                                .raw("s")
                                .end();
  ASSERT_TRUE(parse(whole).ok());
  for (std::size_t length = 0; length < whole.size(); ++length)
    EXPECT_EQ(refusal(whole.substr(0, length)).code(), ErrorCode::kDataLoss) << length;
}

TEST(Pickle, AnnouncedLength_BeyondTheFile_AllocatesNothing) {
  EXPECT_THAT(refusal(PickleWriter{}.raw("X\xff\xff\xff\xff").end()).message(),
              HasSubstr("4294967295 bytes are announced"));
  EXPECT_THAT(refusal(PickleWriter{}.raw("\x8d" + std::string(8, '\xff')).end()).message(),
              HasSubstr("18446744073709551615 bytes are announced"));
}

TEST(Pickle, StackMisuse_IsRefused) {
  for (const std::string code : {"0", "t", "u", "R", "s", "a", "b", "Q", "q\x01", "h\x01", "\x93",
                                 "(\x85", "N(a", "(1t", "}(Nu", "NNa", "\x81"}) {
    EXPECT_EQ(refusal(PickleWriter{}.raw(code).end()).code(), ErrorCode::kDataLoss) << code;
  }
}

TEST(Pickle, MarkBelowTheStack_CannotBeReached) {
  // Values below a mark stay where they are: REDUCE finds nothing above it.
  EXPECT_EQ(refusal(PickleWriter{}.global("collections", "OrderedDict").raw(")(R").end()).code(),
            ErrorCode::kDataLoss);
}

TEST(Pickle, UnknownInstruction_IsNamed) {
  const auto status = refusal(PickleWriter{}.raw("\x82").end());  // EXT1
  EXPECT_EQ(status.code(), ErrorCode::kUnsupported);
  EXPECT_THAT(status.message(), HasSubstr("0x82"));
  EXPECT_EQ(refusal(PickleWriter{}.raw("ios\nsystem\n").end()).code(), ErrorCode::kUnsupported);
}

TEST(Pickle, DeepNesting_BeyondTheLimit_IsRefused) {
  const auto nested = [](std::size_t depth) {
    return PickleWriter{}.raw(repeated("]", depth) + repeated("a", depth - 1)).end();
  };
  EXPECT_TRUE(parse(nested(kPickleDepthMax)).ok());
  const auto status = refusal(nested(kPickleDepthMax + 1));
  EXPECT_EQ(status.code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(status.message(), HasSubstr("200 containers within each other"));
  EXPECT_FALSE(parse(PickleWriter{}.raw("N" + repeated("\x85", 100'000)).end()).ok());
}

TEST(Pickle, ListThatHoldsItself_IsReadAndFreed) {
  const auto pickle = parse(PickleWriter{}
                                .raw("]q")
                                .raw(std::string("\0", 1))
                                .raw("h")
                                .raw(std::string("\0", 1))
                                .raw("a")
                                .end());
  ASSERT_TRUE(pickle.ok()) << pickle.status().message();
  EXPECT_EQ(pickle->root->as<PickleList>()->items.front(), pickle->root);
}

TEST(Pickle, SharedBranches_DoNotMultiply) {
  // Each of 60 levels holds the level below twice: 2^60 paths, 60 values.
  std::string code = "N";
  for (int i = 0; i < 60; ++i) code += std::string("2\x86", 2);
  const auto pickle = parse(PickleWriter{}.raw(code).end());
  ASSERT_TRUE(pickle.ok()) << pickle.status().message();
  EXPECT_LE(pickle->values.size(), 61u);
}

TEST(Pickle, TooManyValuesMarksOrStackEntries_AreRefused) {
  EXPECT_THAT(refusal(PickleWriter{}.raw(repeated("N0", kPickleValuesMax + 1)).end()).message(),
              HasSubstr("2000000 values"));
  EXPECT_THAT(refusal(PickleWriter{}.raw("N" + repeated("2", kPickleStackMax)).end()).message(),
              HasSubstr("1000000 values on the stack"));
  EXPECT_THAT(refusal(PickleWriter{}.raw(repeated("(", kPickleStackMax + 1)).end()).message(),
              HasSubstr("1000000 marks"));
}

TEST(Pickle, NameWithoutAnEnd_IsNotSearchedForEver) {
  const auto status = refusal(PickleWriter{}.raw("c" + std::string(1 << 20, 'x')).end());
  EXPECT_THAT(status.message(), HasSubstr("1024 characters"));
}

TEST(Pickle, IntegerBeyond64Bits_IsOpaque) {
  const auto pickle = parse(PickleWriter{}.raw("\x8a\x09" + std::string(9, '\x7f')).end());
  ASSERT_TRUE(pickle.ok());
  EXPECT_NE(pickle->root->as<PickleRefused>(), nullptr);
}

TEST(Pickle, ControlCharacters_InMessages_AreEscaped) {
  EXPECT_EQ(printable("a\x1b[31mb\n"), "a\\x1b[31mb\\x0a");
  EXPECT_LT(printable(std::string(5000, 'x')).size(), 100u);
}

}  // namespace
}  // namespace tagalign::model
