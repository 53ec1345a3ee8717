// What this program concludes from the reference's files: names of one branch from the other's, and
// the position of the run that wrote a checkpoint. Tensors and listings are golden_check's.
#include <gtest/gtest.h>

#include "model/methods/tagalign/reference_checkpoint.h"
#include "tests/support/golden_reader.h"
#include "tests/support/golden_weights.h"

namespace tagalign::model {
namespace {

using tagalign::testing::open_golden_archive;
using tagalign::testing::read_golden_json;

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

class TrainingCheckpoint : public ::testing::TestWithParam<std::string> {};

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
