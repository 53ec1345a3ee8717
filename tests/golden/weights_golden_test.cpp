// Weight files of the reference, in every container: names, types, shapes, values; and what a
// training checkpoint says about the run that wrote it.
#include <ATen/ops/equal.h>
#include <ATen/ops/index_select.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/weights/reference_checkpoint.h"
#include "tests/support/golden_reader.h"
#include "tests/support/golden_weights.h"

namespace tagalign::model {
namespace {

using tagalign::testing::open_golden_archive;
using tagalign::testing::read_golden_json;
using tagalign::testing::read_golden_tensors;
using tagalign::testing::read_golden_weights;
using ::testing::UnorderedElementsAre;

constexpr char kStep[] = "step5.param.";

std::string dtype_name(at::ScalarType type) {
  if (type == at::kFloat) return "torch.float32";
  if (type == at::kHalf) return "torch.float16";
  return type == at::kLong ? "torch.int64" : "another type";
}

TEST(ClipContainers, TorchScriptArchive_EqualsTheSafetensors) {
  TA_REQUIRE_GOLDEN("clip/clip_tiny.pt.gz");
  const StateDict script = read_golden_weights("clip/clip_tiny.pt.gz");
  const StateDict plain = read_golden_tensors("clip/clip_tiny.safetensors");
  std::map<std::string, std::size_t> types;
  std::vector<std::string> extra;
  for (const auto& [name, tensor] : script) {
    ++types[dtype_name(tensor.scalar_type())];
    const auto other = plain.find(name);
    if (other == plain.end()) {
      extra.push_back(name);
    } else {
      EXPECT_TRUE(at::equal(tensor.to(at::kFloat), other->second.to(at::kFloat))) << name;
    }
  }
  EXPECT_EQ(script.size(), plain.size() + extra.size());
  EXPECT_THAT(extra, UnorderedElementsAre("input_resolution", "context_length", "vocab_size"));
  const auto info = read_golden_json("clip/clip.json");
  EXPECT_EQ(types, (info.at("torchscript_dtypes").get<std::map<std::string, std::size_t>>()));
}

TEST(ClipContainers, Fp16StateDict_EqualsTheSafetensorsUpToItsVocabulary) {
  TA_REQUIRE_GOLDEN("clip/clip_tiny_state_dict_vocab1024.pth.gz");
  const StateDict half = read_golden_weights("clip/clip_tiny_state_dict_vocab1024.pth.gz");
  const StateDict plain = read_golden_tensors("clip/clip_tiny.safetensors");
  for (const auto& [name, tensor] : plain) {
    ASSERT_TRUE(half.contains(name)) << name;
    const at::Tensor& other = half.at(name);
    EXPECT_EQ(other.scalar_type(), at::kHalf) << name;
    const at::Tensor expected =
        name == "token_embedding.weight" ? tensor.slice(0, 0, 1024) : tensor;
    EXPECT_TRUE(at::equal(other, expected.to(at::kHalf))) << name;
  }
  EXPECT_EQ(half.at("token_embedding.weight").size(0), 1024);
}

class CheckpointContainers : public ::testing::TestWithParam<std::string> {};

TEST_P(CheckpointContainers, Model_NamesTypesShapes_AreThoseOfTheList) {
  const std::string file = "checkpoints/" + GetParam();
  TA_REQUIRE_GOLDEN(file);
  const auto expected = read_golden_json("checkpoints/checkpoints.json").at(GetParam()).at("model");
  const StateDict model = read_golden_weights(file);
  EXPECT_EQ(model.size(), expected.size());
  for (const auto& [name, type_and_shape] : expected.items()) {
    ASSERT_TRUE(model.contains(name)) << name;
    EXPECT_EQ(dtype_name(model.at(name).scalar_type()), type_and_shape.at(0)) << name;
    EXPECT_EQ(model.at(name).sizes().vec(), type_and_shape.at(1).get<std::vector<std::int64_t>>())
        << name;
  }
}

INSTANTIATE_TEST_SUITE_P(Files, CheckpointContainers,
                         ::testing::Values("checkpoint_gdecoder_v1.pth.gz",
                                           "checkpoint_transformer_v1.pth.gz",
                                           "checkpoint_transformer_v3_names.pth"),
                         [](const auto& tested) {
                           return tested.param.substr(0, tested.param.find('.'));
                         });

TEST(CheckpointNames, BothBranches_HoldTheSameProjector) {
  TA_REQUIRE_GOLDEN("checkpoints/checkpoint_transformer_v3_names.pth");
  const auto main =
      exported_tensors(read_golden_weights("checkpoints/checkpoint_transformer_v1.pth.gz"));
  const auto dev =
      exported_tensors(read_golden_weights("checkpoints/checkpoint_transformer_v3_names.pth"));
  ASSERT_EQ(main.size(), dev.size());
  for (const auto& [name, tensor] : main) EXPECT_TRUE(at::equal(tensor, dev.at(name))) << name;
}

TEST(CheckpointNames, EveryNameOfBothBranches_IsTranslatedBothWays) {
  TA_REQUIRE_GOLDEN("projector/projector.json");
  const auto info = read_golden_json("projector/projector.json");
  for (const auto& [kind_name, kind] : {std::pair{"gdecoder", ProjectorKind::kGDecoder},
                                        std::pair{"transformer", ProjectorKind::kTransformer}}) {
    const auto& dev = info.at("names_v3").at(kind_name);
    const auto& main = info.at("names_v1").at(kind_name);
    EXPECT_EQ(dev.size(), main.size());
    for (const auto& [name, shape] : main.items()) {
      EXPECT_TRUE(dev.contains(dev_name(name, kind))) << name;
      EXPECT_EQ(main_name(dev_name(name, kind)), name);
      EXPECT_TRUE(is_trained(name) && is_trained(dev_name(name, kind))) << name;
    }
  }
}

class TrainingCheckpoint : public ::testing::TestWithParam<std::string> {
 protected:
  /// Entries of a fixture: the whole tensor, or a sample of it.
  at::Tensor sampled(const at::Tensor& tensor, const std::string& name) const {
    const auto index = golden_.find("sample_index." + name);
    const at::Tensor flat = tensor.reshape({-1});
    return index == golden_.end() ? flat : at::index_select(flat, 0, index->second.to(at::kLong));
  }
  StateDict golden_;
};

TEST_P(TrainingCheckpoint, MomentsAndParameters_AreThoseOfTheRun) {
  const std::string file = "checkpoints/checkpoint_" + GetParam() + "_v1.pth.gz";
  TA_REQUIRE_GOLDEN(file);
  golden_ = read_golden_tensors("training/" + GetParam() + ".safetensors");
  const auto archive = open_golden_archive(file);
  const auto read = read_reference_checkpoint(archive->archive);
  ASSERT_TRUE(read.ok()) << read.status().message();
  ASSERT_TRUE(read->optimizer.has_value());
  const auto names = read_golden_json("checkpoints/checkpoints.json")
                         .at("checkpoint_" + GetParam() + "_v1.pth.gz")
                         .at("optimizer_index_to_name_of_trainable");
  EXPECT_EQ(read->optimizer->moments.size(), 2 * names.size());
  for (const auto& [index, value] : names.items()) {
    const std::string name = value.get<std::string>();
    for (const std::string moment : {"exp_avg", "exp_avg_sq"}) {
      const at::Tensor& tensor = read->optimizer->moments.at("optimizer." + moment + "." + name);
      EXPECT_TRUE(at::equal(sampled(tensor, name),
                            golden_.at("final." + moment + "." + name).reshape({-1})))
          << moment << " of " << name;
    }
    EXPECT_TRUE(
        at::equal(sampled(read->tensors.at(name), name), golden_.at(kStep + name).reshape({-1})))
        << name;
  }
}

TEST_P(TrainingCheckpoint, StepScheduleAndGroups_AreRead) {
  const std::string file = "checkpoints/checkpoint_" + GetParam() + "_v1.pth.gz";
  TA_REQUIRE_GOLDEN(file);
  const auto info = read_golden_json("checkpoints/checkpoints.json")
                        .at("checkpoint_" + GetParam() + "_v1.pth.gz");
  const auto archive = open_golden_archive(file);
  const auto read = read_reference_checkpoint(archive->archive);
  ASSERT_TRUE(read.ok()) << read.status().message();
  EXPECT_EQ(read->steps_done, info.at("step").get<std::uint64_t>() + 1);
  EXPECT_EQ(read->schedule_position, 6u);
  EXPECT_EQ(read->next_lr, info.at("optimizer_param_groups").at(0).at("lr").get<double>());
  EXPECT_EQ(read->optimizer->updates, 6u);
  EXPECT_EQ(read->optimizer->eps, 1e-6);
  EXPECT_EQ(read->optimizer->weight_decay, 0.05);
  const auto shape = projector_shape_of(read->tensors);
  ASSERT_TRUE(shape.ok()) << shape.status().message();
  EXPECT_EQ(shape->layers, GetParam() == "gdecoder" ? 2 : 1);
  EXPECT_EQ(shape->width, 128);
}

INSTANTIATE_TEST_SUITE_P(Runs, TrainingCheckpoint, ::testing::Values("gdecoder", "transformer"),
                         [](const auto& tested) { return tested.param; });

}  // namespace
}  // namespace tagalign::model
