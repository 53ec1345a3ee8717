#include <gmock/gmock.h>

#include "model/clip/towers.h"
#include "tests/unit/jobs/jobs_fixture.h"
#include "worker/train/pretrain_job.h"

namespace tagalign::jobs {
namespace {

using testing::HasSubstr;

class PretrainTest : public JobsTest {
 protected:
  config::PretrainConfig pretrain_config(const std::string& name) const {
    config::PretrainConfig c;
    c.runtime.seed = 11;
    c.runtime.log_every_steps = 1;
    c.data = caption_data();
    c.augment.rand_augment = "";
    c.optimizer.base_lr = 1e-3;
    c.optimizer.lr_reference_batch = 8;
    c.checkpoint.directory = (folder_ / name / "checkpoints").string();
    c.checkpoint.every_steps = 2;
    c.vision_width = 64;
    c.vision_layers = 7;
    c.patch_size = 8;
    c.text_width = 64;
    c.text_layers = 1;
    c.embed_dim = 32;
    c.global_batch = 8;
    c.steps = 4;
    c.output = (folder_ / name / "clip.safetensors").string();
    return c;
  }
};

TEST_F(PretrainTest, TwoRanks_WriteWeightsThatLoadAsAClip) {
  const auto config = pretrain_config("clip");
  for (const auto& end : run_gang(2, [&](Rank& rank) { return run_pretrain(rank, config); })) {
    ASSERT_TRUE(end.ok()) << end.status().to_string();
  }
  const auto weights = load_weights(files_, config.output);
  ASSERT_TRUE(weights.ok()) << weights.status().to_string();
  const auto shape = model::infer_clip_shape(weights->tensors);
  ASSERT_TRUE(shape.ok()) << shape.status().to_string();
  EXPECT_EQ(shape->vision_layers, 7);
  EXPECT_EQ(shape->vocabulary, 49408);
  EXPECT_EQ(shape->image_size(), 32);
}

TEST_F(PretrainTest, InterruptedRun_WritesTheSameWeights) {
  const auto whole = pretrain_config("whole");
  auto part = pretrain_config("part");
  ASSERT_TRUE(run_gang(1, [&](Rank& rank) { return run_pretrain(rank, whole); })[0].ok());
  const auto stopped = run_gang(
      1, [&](Rank& rank) { return run_pretrain(rank, part); },
      [](RecordingReporter& reporter) { reporter.stop_at(3); });
  ASSERT_TRUE(stopped[0].ok());
  EXPECT_EQ(*stopped[0], JobEnd::kSavedAndLeft);
  EXPECT_FALSE(files_.exists(part.output));
  ASSERT_TRUE(run_gang(1, [&](Rank& rank) { return run_pretrain(rank, part); })[0].ok());
  EXPECT_EQ(load_weights(files_, whole.output)->digest, load_weights(files_, part.output)->digest);
}

TEST_F(PretrainTest, ImageSizeNoMultipleOfPatch_IsRefused) {
  auto config = pretrain_config("odd");
  config.patch_size = 7;
  const auto ends = run_gang(1, [&](Rank& rank) { return run_pretrain(rank, config); });
  ASSERT_FALSE(ends[0].ok());
  EXPECT_THAT(ends[0].status().message(), HasSubstr("patch_size 7"));
}

}  // namespace
}  // namespace tagalign::jobs
