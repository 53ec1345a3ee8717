/// Weights as other programs, downloads and trainings of others leave them, in every
/// command that reads weights.
#include <ATen/ops/equal.h>
#include <ATen/ops/zeros.h>

#include "base/format.h"
#include "tests/support/torch_files.h"
#include "tests/unit/jobs/interchange_fixture.h"

namespace tagalign::jobs {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class ForeignWeightsTest : public InterchangeTest {
 protected:
  std::string write(const std::string& name, const std::string& bytes) {
    EXPECT_TRUE(files_.write_durable(folder_ / name, bytes).ok());
    return name;
  }
  model::StateDict projector() {
    train(train_config("run", 2));
    return read_trained_weights(files_, path("run/step-00000002")).value().tensors;
  }
};

// weights-lfs-pointer, weights-html-page, weights-gzip
TEST_F(ForeignWeightsTest, WhatIsNoWeightsFile_IsNamedByEveryReader) {
  const std::vector<std::pair<std::string, std::string>> files = {
      {"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12345\n", "git lfs pull"},
      {"<!DOCTYPE html><html>Google Drive - Virus scan warning", "is a web page"},
      {"\x1f\x8b\x08" + std::string(51, 'x'), "is compressed (gzip)"},
      {"", "is empty"}};
  for (const auto& [bytes, expected] : files) {
    for (const std::string name : {"w.pth", "w.safetensors"}) {
      const std::string file = path(write(name, bytes));
      const auto is_named = AllOf(HasSubstr(name), HasSubstr(expected), HasSubstr("safetensors"));
      const Status loaded = load_weights(files_, file).status();
      EXPECT_EQ(loaded.code(), ErrorCode::kInvalidArgument);
      EXPECT_THAT(loaded.message(), is_named);
      EXPECT_THAT(read_trained_weights(files_, file).status().message(), is_named);
      EXPECT_THAT(describe_weights(files_, {.file = file}).status().message(), is_named);
      EXPECT_THAT(import_weights(files_, {.from = file, .output = path("i")}).status().message(),
                  is_named);
      EXPECT_THAT(
          export_weights(files_, {.checkpoint = file, .output = path("o")}).status().message(),
          is_named);
    }
  }
}

TEST_F(ForeignWeightsTest, MissingFile_IsToldWithItsKeyAndWhatWasExpected) {
  auto config = train_config("run", 1);
  config.clip.weights = path("none.pt");
  const auto end = run_gang(1, [&](Rank& rank) { return run_train(rank, config); })[0];
  EXPECT_EQ(end.status().code(), ErrorCode::kNotFound);
  EXPECT_THAT(end.status().message(),
              AllOf(StartsWith("clip.weights: " + path("none.pt") + ": expected a file of weights"),
                    Not(HasSubstr("stat "))));
  EXPECT_THAT(read_trained_weights(files_, path("none.pt")).status().message(),
              StartsWith("checkpoint: " + path("none.pt") + ": expected a file of weights"));
}

TEST_F(ForeignWeightsTest, ArchiveAroundTheWeights_SaysWhatItHolds) {
  write("w.pth", testing::zip_archive({{.name = "clip/weights.pth", .bytes = "x"}}));
  EXPECT_THAT(load_weights(files_, path("w.pth")).status().message(),
              AllOf(HasSubstr("'clip/weights.pth' and so on"), HasSubstr("unpack it")));
}

// weights-module-prefix, weights-model-state-dict, weights-ema-state-dict, weights-legacy-format
TEST_F(ForeignWeightsTest, ProjectorInAnyWrapping_IsTheSameProjector) {
  const auto tensors = projector();
  export_to("run", "main.safetensors", "main");
  const auto expected = evaluate("main.safetensors");
  for (const Container container : {Container::kZip, Container::kStream}) {
    for (const auto& [prefix, wrapper] : std::vector<std::pair<std::string, std::string>>{
             {"module.", ""}, {"", "model_state_dict"}, {"_orig_mod.module.", "state_dict_ema"}}) {
      write("w.pth", state_dict_file(tensors, container, prefix, wrapper));
      const auto read = read_trained_weights(files_, path("w.pth"));
      ASSERT_TRUE(read.ok()) << read.status().message();
      ASSERT_EQ(read->tensors.size(), tensors.size());
      for (const auto& [name, tensor] : tensors)
        EXPECT_TRUE(at::equal(tensor, read->tensors.at(name))) << name;
      const std::size_t said = (prefix.empty() ? 0u : 1u) + (wrapper.empty() ? 0u : 1u);
      EXPECT_EQ(read->notices.size(), said);
      const auto shown = card("w.pth");
      EXPECT_EQ(shown.at("projector"), "transformer, 1 layer, width 64");
      EXPECT_TRUE(shown.at("fits"));
      EXPECT_EQ(shown.at("notices").size(), said);
    }
  }
  const auto result = evaluate("w.pth");
  EXPECT_EQ(result.intersect, expected.intersect);
  EXPECT_THAT(reporters_[0]->notices, ElementsAre(HasSubstr("'state_dict_ema' was taken off"),
                                                  HasSubstr("'_orig_mod.' and 'module.'")));
}

TEST_F(ForeignWeightsTest, PrefixedWeights_ExportAndImportWithANotice) {
  const auto tensors = projector();
  write("w.pth", state_dict_file(tensors, Container::kZip, "module."));
  const auto said =
      export_weights(files_, {.checkpoint = path("w.pth"), .output = path("o.safetensors")});
  ASSERT_TRUE(said.ok()) << said.status().message();
  EXPECT_THAT(*said, HasSubstr("\n'module.' was taken off the names of its tensors"));
  EXPECT_EQ(load_weights(files_, path("o.safetensors"))->tensors.size(), tensors.size());
  const auto imported = import_weights(files_, {.from = path("w.pth"), .output = path("import")});
  ASSERT_TRUE(imported.ok()) << imported.status().message();
  EXPECT_THAT(imported->notices, Contains(HasSubstr("'module.' was taken off")));
}

TEST_F(ForeignWeightsTest, PrefixedSafetensors_AreReadTheSame) {
  model::StateDict prefixed;
  for (const auto& [name, tensor] : projector()) prefixed["model." + name] = tensor;
  ASSERT_TRUE(save_weights(files_, path("w.safetensors"), prefixed, {}).ok());
  EXPECT_TRUE(card("w.safetensors").at("fits"));
}

TEST_F(ForeignWeightsTest, ReferenceCheckpointOfDataParallel_TrainsOnToTheSameBits) {
  auto whole = train_config("whole", 4);
  train(whole);
  make_reference_file(whole, path("whole/step-00000002"), "module.");
  const auto imported = import_weights(
      files_,
      {.from = path("reference.pth"), .output = path("resumed"), .config = path("train.yml")});
  ASSERT_TRUE(imported.ok()) << imported.status().message();
  EXPECT_TRUE(imported->resumable);
  EXPECT_THAT(imported->notices, ElementsAre(HasSubstr("'module.' was taken off")));
  auto resumed = whole;
  resumed.checkpoint.directory = path("resumed");
  train(resumed);
  const auto a = read_trained_weights(files_, path("whole/step-00000004")).value();
  const auto b = read_trained_weights(files_, path("resumed/step-00000004")).value();
  for (const auto& [name, tensor] : a.tensors)
    EXPECT_TRUE(at::equal(tensor, b.tensors.at(name))) << name;
}

TEST_F(ForeignWeightsTest, ClipInAnyWrapping_IsTheSameClip) {
  const auto clip = load_weights(files_, clip_weights()).value();
  for (const Container container : {Container::kZip, Container::kStream}) {
    write("clip.pth", state_dict_file(clip.tensors, container, "module.", "state_dict"));
    const auto read = load_weights(files_, path("clip.pth"));
    ASSERT_TRUE(read.ok()) << read.status().message();
    EXPECT_TRUE(at::equal(read->tensors.at("visual.proj"), clip.tensors.at("visual.proj")));
    const auto shown = card("clip.pth");
    EXPECT_TRUE(shown.at("fits"));
    EXPECT_EQ(shown.at("container"),
              container == Container::kZip ? "torch archive" : "torch archive before 1.6");
  }
}

TEST_F(ForeignWeightsTest, WeightsOfAnotherModel_AreToldByTheirNames) {
  write("w.pth", state_dict_file({{"vision_model.embeddings.position_ids", at::zeros({1})},
                                  {"vision_model.post_layernorm.bias", at::zeros({1})},
                                  {"zzz", at::zeros({1})}},
                                 Container::kZip));
  EXPECT_THAT(read_trained_weights(files_, path("w.pth")).status().message(),
              AllOf(HasSubstr("it holds no projector"),
                    HasSubstr("its tensors are named 'vision_model.embeddings.position_ids', "
                              "'vision_model.post_layernorm.bias' and 1 more")));
  auto config = train_config("run", 1);
  config.clip.weights = path("w.pth");
  const auto end = run_gang(1, [&](Rank& rank) { return run_train(rank, config); })[0];
  EXPECT_THAT(end.status().message(), HasSubstr("('vision_model.embeddings.position_ids' and so"));
}

// weights-foreign-tensor-beside
TEST_F(ForeignWeightsTest, TensorsThatAreNotRead_AreNamedAndMissedByName) {
  testing::PickleWriter pickle;
  pickle.raw("}").text("a").tensor({.elements = 2, .sizes = {2}, .strides = {1}}).raw("s");
  pickle.text("visual.conv1.weight").tensor({.type = "ComplexFloatStorage", .key = "1"}).raw("s");
  write("w.pth", testing::torch_archive(pickle.end(), {{"0", testing::float_bytes({1, 2})}}));
  const auto shown = card("w.pth");
  EXPECT_THAT(shown.at("not_read").get<std::vector<std::string>>(),
              ElementsAre("visual.conv1.weight"));
  EXPECT_EQ(shown.at("tensors").size(), 1u);
  auto config = train_config("run", 1);
  config.clip.weights = path("w.pth");
  const auto end = run_gang(1, [&](Rank& rank) { return run_train(rank, config); })[0];
  EXPECT_THAT(end.status().message(),
              HasSubstr("of types that are not read: 'visual.conv1.weight'"));
}

}  // namespace
}  // namespace tagalign::jobs
