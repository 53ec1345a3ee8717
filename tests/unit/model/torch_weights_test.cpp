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
using tagalign::testing::torch_stream;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using View = PickleWriter::View;

const View kTwo = {.elements = 2, .sizes = {2}, .strides = {1}};

struct Read {
  Result<StateDict> tensors;
  ReadingNotes notes;
};
Read read_bytes(const std::string& bytes) {
  auto archive = TorchArchive::open(memory_source(as_bytes(bytes)), "FILE");
  if (!archive.ok()) return {archive.status(), {}};
  auto tensors = read_weights(*archive);
  return {std::move(tensors), archive->notes()};
}
/// An archive of `pickle`, whose tensors all lie in one storage of two floats.
Read read_pickle(const PickleWriter& pickle) {
  return read_bytes(torch_archive(pickle.end(), {{"0", float_bytes({1, 2})}}));
}
std::vector<std::string> names_in(const Read& read) {
  std::vector<std::string> names;
  EXPECT_TRUE(read.tensors.ok()) << read.tensors.status().message();
  if (read.tensors.ok()) {
    for (const auto& [name, tensor] : *read.tensors) names.push_back(name);
  }
  return names;
}
/// A dict of tensors with these names, behind what `pickle` has.
void add_dict(PickleWriter& pickle, const std::vector<std::string>& names) {
  pickle.raw("}");
  for (const auto& name : names) pickle.text(name).tensor(kTwo).raw("s");
}
/// A root with such a dict under each key.
PickleWriter wrapped(const std::vector<std::pair<std::string, std::vector<std::string>>>& dicts) {
  PickleWriter pickle;
  pickle.raw("}");
  for (const auto& [key, names] : dicts) {
    pickle.text(key);
    add_dict(pickle, names);
    pickle.raw("s");
  }
  return pickle;
}

// weights-model-state-dict, weights-ema-state-dict
TEST(TorchWeights, TheOneDictOfTensors_IsFoundWhateverItsKey) {
  for (const std::string key :
       {"model", "state_dict", "model_state_dict", "state_dict_ema", "ema", "model_ema", "net",
        "network", "teacher", "student", "weights", "module", "params_ema", "anything"}) {
    auto pickle = wrapped({{key, {"a"}}, {"optimizer_state_dict", {}}});
    pickle.text("epoch").integer(3).raw("s").text("arch").text("ViT").raw("s");
    const auto read = read_pickle(pickle);
    EXPECT_THAT(names_in(read), ElementsAre("a")) << key;
    if (key == "model") {
      EXPECT_THAT(read.notes.notices, IsEmpty());
      continue;
    }
    EXPECT_THAT(read.notes.notices,
                ElementsAre("the key '" + key + "' was taken off, under which its tensors lie"));
  }
}

TEST(TorchWeights, WrappersWithinWrappers_AreOpened) {
  PickleWriter pickle;
  pickle.raw("}").text("checkpoint").raw("}").text("meta").text("x").raw("s").text("state_dict");
  add_dict(pickle, {"module.a.w", "module.b"});
  pickle.raw("ss");
  const auto read = read_pickle(pickle);
  EXPECT_THAT(names_in(read), ElementsAre("a.w", "b"));
  EXPECT_THAT(read.notes.notices,
              ElementsAre(HasSubstr("the key 'checkpoint.state_dict' was taken off"),
                          HasSubstr("'module.' was taken off")));
}

TEST(TorchWeights, WhatLiesBesideAModel_IsNotTakenForOne) {
  const auto read = read_pickle(wrapped({{"optimizer", {"exp_avg"}},
                                         {"lr_scheduler", {"rate"}},
                                         {"rng_states", {"cpu"}},
                                         {"loss_center", {"center"}},
                                         {"encoder_weights", {"a.w"}}}));
  EXPECT_THAT(names_in(read), ElementsAre("a.w"));
  EXPECT_THAT(read.notes.notices, ElementsAre(HasSubstr("'encoder_weights' was taken off")));
}

TEST(TorchWeights, TensorsBesideAWrappedModel_DoNotHideIt) {
  auto pickle = wrapped({{"model_state_dict", {"a.w"}}});
  pickle.text("loss").tensor(kTwo).raw("s");
  EXPECT_THAT(names_in(read_pickle(pickle)), ElementsAre("a.w"));
}

/// A plain state dict may hold a dict, as modules with a state of their own write one.
TEST(TorchWeights, DictBesideTheTensorsOfAStateDict_IsNotTakenForTheModel) {
  auto pickle = wrapped({{"norm._extra_state", {"amax"}}});
  pickle.text("norm.weight").tensor(kTwo).raw("s").text("bias").tensor(kTwo).raw("s");
  const auto read = read_pickle(pickle);
  EXPECT_THAT(names_in(read), ElementsAre("bias", "norm.weight"));
  EXPECT_THAT(read.notes.not_read, ElementsAre("norm._extra_state"));
}

TEST(TorchWeights, UsualNameAmongSeveral_WinsAndTheOthersAreSaid) {
  const auto first = read_pickle(wrapped({{"model", {"a"}}, {"model_ema", {"b"}}}));
  EXPECT_THAT(names_in(first), ElementsAre("a"));
  EXPECT_THAT(first.notes.notices,
              ElementsAre(AllOf(HasSubstr("'model' that is read"), HasSubstr("'model_ema'"))));
  const auto usual = read_pickle(wrapped({{"ema_state_dict", {"b"}}, {"model_state_dict", {"a"}}}));
  EXPECT_THAT(names_in(usual), ElementsAre("a"));
  EXPECT_THAT(usual.notes.notices, ElementsAre(HasSubstr("'ema_state_dict'")));
}

TEST(TorchWeights, SeveralThatMayBeMeant_AreNamed) {
  const auto read = read_pickle(wrapped({{"student", {"a"}}, {"teacher", {"a"}}}));
  EXPECT_THAT(read.tensors.status().message(),
              AllOf(HasSubstr("'student', 'teacher'"), HasSubstr("save the one that is meant")));
  EXPECT_EQ(read.tensors.status().code(), ErrorCode::kInvalidArgument);
}

TEST(TorchWeights, NoTensorsAtAll_IsSaid) {
  PickleWriter empty;
  empty.raw("}").text("epoch").integer(1).raw("s");
  EXPECT_THAT(read_pickle(empty).tensors.status().message(), HasSubstr("holds no tensors"));
  EXPECT_THAT(read_pickle(PickleWriter{}.raw("]")).tensors.status().message(),
              HasSubstr("it holds a list, expected a state dict"));
}

/// Dicts that refer to themselves and to each other end the search, not the program.
TEST(TorchWeights, DictThatHoldsItself_IsGivenUp) {
  PickleWriter pickle;
  pickle.raw(std::string("}q\0", 3)).text("model").raw(std::string("h\0s", 3));
  EXPECT_FALSE(read_pickle(pickle).tensors.ok());
}

// weights-foreign-tensor-beside
TEST(TorchWeights, TensorsOfTypesThatAreNotRead_AreLeftOutAndNamed) {
  PickleWriter pickle;
  pickle.raw("}").text("a").tensor(kTwo).raw("s").text("freqs");
  pickle.tensor({.type = "ComplexFloatStorage", .key = "1", .elements = 2}).raw("s");
  pickle.text("fp8").global("torch._utils", "_rebuild_tensor_v3").raw("((");
  pickle.text("storage").global("torch.storage", "UntypedStorage").text("2").text("cpu").integer(2);
  pickle.raw("tQ").integer(0).integers({2}).integers({1}).raw("\x89").raw("}");
  pickle.global("torch", "float8_e4m3fn").raw("tRs");
  pickle.text("sparse").global("torch._utils", "_rebuild_sparse_tensor").raw(")Rs");
  const auto read = read_pickle(pickle);
  EXPECT_THAT(names_in(read), ElementsAre("a"));
  EXPECT_THAT(read.notes.not_read, ElementsAre("freqs", "fp8", "sparse"));
}

TEST(TorchWeights, ContainersAndBytesBesideTensors_AreLeftOut) {
  PickleWriter pickle;
  pickle.raw("}").text("a").tensor(kTwo).raw("s").text("list").raw("](");
  pickle.tensor(kTwo).raw("es").text("bytes").global("_codecs", "encode").raw("(");
  pickle.text("x").text("latin1").raw("tRs").text("device").global("torch", "device").raw("(");
  pickle.text("cpu").raw("tRs").text("seed").raw("\x8a\x0a").raw(std::string(10, '\x11')).raw("s");
  const auto read = read_pickle(pickle);
  EXPECT_THAT(names_in(read), ElementsAre("a"));
  EXPECT_THAT(read.notes.not_read, ElementsAre("list", "bytes", "device", "seed"));
}

TEST(TorchWeights, TensorsThatPyTorchRebuildsInOtherWays_AreRead) {
  PickleWriter pickle;
  pickle.raw("}").text("attributed").global("torch._tensor", "_rebuild_from_type_v2").raw("(");
  pickle.global("torch._utils", "_rebuild_tensor_v2").global("torch", "Tensor").raw("((");
  pickle.text("storage").global("torch", "FloatStorage").text("0").text("cpu").integer(2);
  pickle.raw("tQ").integer(0).integers({2}).integers({1}).raw("\x89}t}tRs");
  pickle.text("parameter").global("torch._utils", "_rebuild_parameter_with_state").raw("(");
  pickle.tensor(kTwo).raw("\x88}}tRs");
  pickle.text("old").global("torch._utils", "_rebuild_tensor").raw("((");
  pickle.text("storage").global("torch.cuda", "FloatStorage").text("0").text("cuda:0").integer(2);
  pickle.raw("tQ").integer(0).integers({2}).integers({1}).raw("tRs");
  const auto read = read_pickle(pickle);
  EXPECT_THAT(names_in(read), ElementsAre("attributed", "old", "parameter"));
  EXPECT_THAT(read.notes.not_read, IsEmpty());
}

/// a.weight [4, 6] = 0 … 23, b = [1, 1, 1]: weights-legacy-format.
std::string stream_file() {
  std::vector<float> numbers(24);
  for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = static_cast<float>(i);
  PickleWriter pickle;
  pickle.raw("}(").text("a.weight");
  pickle.tensor({.key = "94", .elements = 24, .sizes = {4, 6}, .strides = {6, 1}, .part = "N"});
  pickle.text("b").tensor({.key = "93", .elements = 3, .sizes = {3}, .strides = {1}, .part = "N"});
  return torch_stream(pickle.raw("u").end(),
                      {{"93", float_bytes({1, 1, 1})}, {"94", float_bytes(numbers)}});
}

TEST(TorchStream, FileFromBeforeVersion1_6_IsRead) {
  const auto read = read_bytes(stream_file());
  ASSERT_THAT(names_in(read), ElementsAre("a.weight", "b"));
  EXPECT_EQ(read.tensors->at("a.weight").sizes(), at::IntArrayRef({4, 6}));
  EXPECT_EQ(read.tensors->at("a.weight").select(0, 3).select(0, 5).item<float>(), 23.0f);
  EXPECT_TRUE(at::equal(read.tensors->at("b"), at::tensor({1.f, 1.f, 1.f})));
}

TEST(TorchStream, EveryCut_IsRefused) {
  const std::string whole = stream_file();
  for (std::size_t bytes = 16; bytes < whole.size(); ++bytes) {
    const auto read = read_bytes(whole.substr(0, bytes));
    ASSERT_FALSE(read.tensors.ok()) << bytes;
    EXPECT_EQ(read.tensors.status().code(), ErrorCode::kDataLoss) << bytes;
  }
}

TEST(TorchStream, TensorOfATypeThatIsNotRead_IsPassedByAtItsSize) {
  PickleWriter pickle;
  pickle.raw("}").text("freqs").tensor({.type = "ComplexFloatStorage", .key = "1", .elements = 2});
  pickle.raw("s").text("a").tensor(kTwo).raw("s");
  const auto read = read_bytes(
      torch_stream(pickle.end(), {{"1", std::string(16, '\1'), 8}, {"0", float_bytes({5, 6})}}));
  ASSERT_THAT(names_in(read), ElementsAre("a"));
  EXPECT_THAT(read.notes.not_read, ElementsAre("freqs"));
  EXPECT_TRUE(at::equal(read.tensors->at("a"), at::tensor({5.f, 6.f})));
}

/// Before 0.4 a storage could be a part of another: (key, offset, elements).
TEST(TorchStream, StorageThatIsPartOfAnother_IsReadWithinItsBounds) {
  const auto read_part = [](std::int64_t offset, std::int64_t elements) {
    PickleWriter part;
    part.bytes = "(";
    part.text("7").integer(offset).integer(elements).raw("t");
    PickleWriter pickle;
    pickle.raw("}").text("a").tensor(
        {.elements = 4, .offset = 1, .sizes = {2}, .strides = {1}, .part = part.bytes});
    return read_bytes(torch_stream(pickle.raw("s").end(), {{"0", float_bytes({1, 2, 3, 4})}}));
  };
  const auto read = read_part(1, 3);
  ASSERT_THAT(names_in(read), ElementsAre("a"));
  EXPECT_TRUE(at::equal(read.tensors->at("a"), at::tensor({3.f, 4.f})));
  EXPECT_THAT(read_part(1, 2).tensors.status().message(), HasSubstr("does not lie within"));
  EXPECT_THAT(read_part(2, 3).tensors.status().message(), HasSubstr("does not lie within"));
  EXPECT_THAT(read_part(-1, 3).tensors.status().message(), HasSubstr("does not lie within"));
}

TEST(TorchStream, HeadOfAnotherMachineOrProtocol_IsRefused) {
  const std::string whole = stream_file();
  const auto refused = [&](const std::string& from, const std::string& to) {
    std::string bytes = whole;
    const auto at = bytes.find(from);
    EXPECT_NE(at, std::string::npos);
    const auto read = read_bytes(bytes.replace(at, from.size(), to));
    EXPECT_EQ(read.tensors.status().code(), ErrorCode::kUnsupported);
    return read.tensors.status().message();
  };
  EXPECT_THAT(refused("M\xe9\x03.", "M\xe8\x03."), HasSubstr("its protocol is 1000"));
  EXPECT_THAT(refused("little_endian\x88", "little_endian\x89"), HasSubstr("byte order is big"));
}

TEST(TorchStream, ForeignObject_IsRefusedByNameAndNeverMade) {
  PickleWriter pickle;
  pickle.raw("}").text("a").tensor(kTwo).raw("s").text("b").global("os", "system").raw(")Rs");
  const auto read = read_bytes(torch_stream(pickle.end(), {{"0", float_bytes({1, 2})}}));
  EXPECT_THAT(read.tensors.status().message(), HasSubstr("os.system"));
}

}  // namespace
}  // namespace tagalign::model
