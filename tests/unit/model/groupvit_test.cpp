#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/tensor.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "model/methods/groupvit/draws.h"
#include "model/methods/groupvit/noun_prompts.h"
#include "model/methods/groupvit/shape.h"
#include "model/methods/groupvit/training.h"

namespace tagalign::model {
namespace {

using ::testing::SizeIs;

const GroupVitShape kSmall{
    .config =
        {.image = {.width = 16, .heads = 2, .patch_size = 8, .depths = {1, 1, 1}, .groups = {6, 4}},
         .text = {.width = 64, .layers = 1},
         .embed_dim = 8,
         .projector_width = 12,
         .noun_prompts = 1},
    .image_size = 32};

// ---------------------------------------------------------------------------------------- weights

TEST(GroupVitWeights, Fresh_HaveTheShapesThatTheTowersTake) {
  const StateDict weights = initial_groupvit_weights(kSmall, 1);
  TensorShapes found;
  for (const auto& [name, tensor] : weights) found[name] = tensor.sizes().vec();
  EXPECT_EQ(found.erase("multi_label_logit_scale"), 1u);
  EXPECT_EQ(found, groupvit_shapes(kSmall));
  EXPECT_EQ(found, groupvit_shapes(weights));
  EXPECT_TRUE(GroupVitTrainer::create(weights, 2, at::kCPU).ok());
}

TEST(GroupVitWeights, Fresh_DependOnSeedAndNameAlone) {
  const StateDict weights = initial_groupvit_weights(kSmall, 1);
  const StateDict again = initial_groupvit_weights(kSmall, 1);
  for (const auto& [name, tensor] : weights) EXPECT_TRUE(at::equal(tensor, again.at(name))) << name;
  const std::string first = "img_encoder.layers.0.group_token";
  EXPECT_FALSE(at::equal(weights.at(first), initial_groupvit_weights(kSmall, 2).at(first)));
  EXPECT_NEAR(weights.at(first).std().item<double>(), 0.02, 0.005);
  EXPECT_EQ(weights.at("img_encoder.layers.1.group_token").abs().max().item<double>(), 0.0);
}

TEST(GroupVitTrainer, Step_UpdatesStatisticsAndReachesEveryParameter) {
  auto trainer = GroupVitTrainer::create(initial_groupvit_weights(kSmall, 1), 2, at::kCPU).value();
  const at::Tensor images = (at::arange(2 * 3 * 32 * 32, at::kFloat) * 0.37).sin();
  const at::Tensor tokens =
      at::tensor({49406, 7, 49407, 49406, 8, 49407, 49406, 9, 49407, 49406, 5, 49407}, at::kLong);
  const DrawPlan plan{.seed = 3, .assignments = {{6, 16}, {4, 6}}, .blocks = 3};
  trainer
      .loss({.images = images.view({2, 3, 32, 32}),
             .tokens = tokens.view({2, 2, 3}),
             .draws = philox_draws(plan, {.count = 2})},
            {})
      .total.backward();
  for (const auto& [name, tensor] : trainer.parameters())
    EXPECT_TRUE(tensor.grad().defined()) << name;
  EXPECT_THAT(trainer.statistics(), SizeIs(6));
  for (const auto& [name, tensor] : trainer.statistics()) {
    const bool counter = name.ends_with("num_batches_tracked");
    EXPECT_TRUE(counter ? tensor.item<std::int64_t>() == 1 : tensor.std().item<double>() > 0)
        << name;
  }
}

// ------------------------------------------------------------------------------------------ draws

TEST(GroupVitDraws, Draws_DependOnStepAndImageAlone) {
  const DrawPlan plan{.seed = 7, .assignments = {{5, 9}, {3, 5}}, .blocks = 4, .drop_path = 0.5};
  const EncoderDraws all = philox_draws(plan, {.step = 3, .count = 4});
  const EncoderDraws second = philox_draws(plan, {.step = 3, .first = 2, .count = 2});
  for (std::size_t stage : {0u, 1u})
    EXPECT_TRUE(at::equal(all.noise[stage].narrow(0, 2, 2), second.noise[stage]));
  ASSERT_THAT(all.drops, SizeIs(4));
  EXPECT_FALSE(all.drops[0].mlp.defined());
  for (std::size_t block : {1u, 2u, 3u})
    EXPECT_TRUE(at::equal(all.drops[block].mlp.narrow(0, 2, 2), second.drops[block].mlp));
  EXPECT_FALSE(at::equal(all.noise[0], philox_draws(plan, {.step = 4, .count = 4}).noise[0]));
}

TEST(GroupVitDraws, Noise_IsGumbelAndDropsAreRare) {
  const DrawPlan plan{.seed = 1, .assignments = {{32, 64}}, .blocks = 2, .drop_path = 0.25};
  const EncoderDraws draws = philox_draws(plan, {.count = 64});
  EXPECT_NEAR(draws.noise[0].mean().item<double>(), 0.5772, 0.02);  // Euler's constant
  EXPECT_NEAR(draws.noise[0].var().item<double>(), 1.6449, 0.05);   // π²/6
  const at::Tensor kept = draws.drops[1].attention;                 // [64, 1, 1], 0 or 4/3
  EXPECT_NEAR(kept.mean().item<double>(), 1.0, 0.25);
}

TEST(GroupVitDraws, WithoutDropPath_NothingIsLeftOut) {
  const DrawPlan plan{.seed = 1, .assignments = {{2, 4}}, .blocks = 2};
  EXPECT_TRUE(philox_draws(plan, {.count = 1}).drops.empty());
}

// ------------------------------------------------------------------------------------ noun prompts

TEST(NounPrompts, Draws_TakeEveryWordOnceAndNoMoreThanThereAre) {
  RandomStream stream({.seed = 1}, StreamPurpose::kPrompt);
  for (int i = 0; i < 20; ++i) {
    const auto prompts = draw_noun_prompts({.words = 4, .templates = 80, .prompts = 3}, stream);
    ASSERT_THAT(prompts, SizeIs(3));
    std::set<std::size_t> words;
    for (const NounPrompt& prompt : prompts) {
      words.insert(prompt.word);
      EXPECT_LT(prompt.prompt_template, 80u);
    }
    EXPECT_THAT(words, SizeIs(3));
  }
  EXPECT_THAT(draw_noun_prompts({.words = 1, .templates = 2, .prompts = 3}, stream), SizeIs(1));
  EXPECT_THAT(draw_noun_prompts({.words = 0, .templates = 2, .prompts = 3}, stream), SizeIs(0));
}

TEST(NounPrompts, CaptionsWithFewTags_AreTheirOwnPrompts) {
  const auto tokenizer = Tokenizer::load(posix_file_system(), default_vocabulary()).value();
  const NounPrompts prompts({.tokenizer = &tokenizer,
                             .words = {"cat", "bicycle"},
                             .templates = {"a photo of a {}."},
                             .count = 2,
                             .context = 77,
                             .seed = 1});
  const std::vector<std::string> captions = {"a bicycle", "sky", "one cat"};
  const TrainingBatch batch{
      .images = {},
      .tokens =
          at::tensor(tokenizer.encode_padded(captions), at::kLong).view({3, 77}).slice(1, 0, 4),
      .tags = at::tensor({0.0f, 1.0f, 0.0f, 0.0f, 1.0f, 0.0f}).view({3, 2})};
  const at::Tensor tokens = prompts.tokens(batch);
  ASSERT_EQ(tokens.size(1), 3);
  const auto row = [&](int image, int place) {
    const at::Tensor ids = tokens[image][place].contiguous();
    return std::vector<std::int64_t>(ids.data_ptr<std::int64_t>(),
                                     ids.data_ptr<std::int64_t>() + ids.numel());
  };
  const auto expected = [&](const std::string& text) {
    auto ids = tokenizer.encode_padded({text});
    ids.resize(static_cast<std::size_t>(tokens.size(2)));
    return ids;
  };
  EXPECT_EQ(row(0, 1), expected("a photo of a bicycle."));
  EXPECT_EQ(row(0, 2), expected("a bicycle"));
  EXPECT_EQ(row(1, 1), expected("sky"));
  EXPECT_EQ(row(2, 0), expected("one cat"));
  EXPECT_EQ(row(2, 1), expected("a photo of a cat."));
  TrainingBatch last = batch;
  last.first_image = 2;
  last.tokens = batch.tokens.slice(0, 2);
  last.tags = batch.tags.slice(0, 2);
  EXPECT_TRUE(at::equal(prompts.tokens(last)[0], tokens[2]));
}

}  // namespace
}  // namespace tagalign::model
