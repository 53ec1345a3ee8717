#include <ATen/TensorOperators.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

#include "base/checksum.h"
#include "model/bert/wordpiece.h"
#include "model/methods/groupvit/groupvit.h"
#include "model/methods/ovsegmentor/losses.h"
#include "model/methods/ovsegmentor/ovsegmentor.h"

namespace tagalign::model {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(TensorSource, MissingTensors_AreNamedAndCounted) {
  const StateDict tensors = {{"a", at::ones({2})}};
  TensorSource source(tensors, at::kCPU);
  source.take("a", {2});
  source.take("b.weight", {kAnySize, 2});
  EXPECT_THAT(source.status().message(), HasSubstr("it lacks 1 of 2 tensors: b.weight"));
}

TEST(TensorSource, AnotherShape_NamesExpectedAndFound) {
  const StateDict tensors = {{"a", at::ones({2, 3})}};
  TensorSource source(tensors, at::kCPU);
  source.take("a", {kAnySize, 4});
  EXPECT_THAT(source.status().message(),
              HasSubstr("tensor 'a': expected the shape [any, 4], found [2, 3]"));
}

TEST(TensorSource, TensorsThatNobodyTook_AreNamed) {
  const StateDict tensors = {{"a", at::ones({2})}, {"extra", at::ones({1})}};
  TensorSource source(tensors, at::kCPU);
  source.take("a", {2});
  EXPECT_THAT(source.status().message(), HasSubstr("does not have: extra"));
}

TEST(GroupMethods, WeightsOfTheOther_AreNotTheirOwn) {
  const StateDict groupvit = {{"img_encoder.patch_embed.norm.weight", at::ones({4})},
                              {"img_encoder.layers.0.group_token", at::ones({1, 2, 4})}};
  const StateDict ovsegmentor = {{"img_encoder.layers.0.group_token", at::ones({1, 2, 4})}};
  EXPECT_TRUE(kGroupVitWeights.layout(groupvit).ok());
  EXPECT_FALSE(kOvSegmentorWeights.layout(groupvit).ok());
  EXPECT_TRUE(kOvSegmentorWeights.layout(ovsegmentor).ok());
  EXPECT_THAT(kGroupVitWeights.layout(ovsegmentor).status().message(),
              HasSubstr("it holds no GroupViT"));
}

TEST(GroupMethods, MissingTower_IsNamedByItsTensors) {
  const StateDict tensors = {{"img_encoder.patch_embed.norm.weight", at::ones({1})}};
  const auto towers = groupvit_towers(tensors, {}, at::kCPU);
  EXPECT_EQ(towers.status().code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(towers.status().message(), AllOf(HasSubstr("it lacks"), HasSubstr("img_encoder.")));
}

TEST(GroupMethods, MomentumEncoder_DoesNotPredict) {
  const StateDict tensors = {{"img_encoder.layers.0.group_token", at::ones({1, 2, 4})},
                             {"img_encoder_momentum.norm.weight", at::ones({4})},
                             {"bridge_projector.linear_out.bias", at::ones({4})}};
  EXPECT_EQ(kOvSegmentorWeights.own(tensors).size(), 1u);
}

class WordPieceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string text;
    for (const char* piece :
         {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "cafe", "car", "##s", "."})
      text += std::string(piece) + "\n";
    std::ofstream(path_) << text;
  }
  Path path_ = Path(::testing::TempDir()) / "wordpiece_test_vocab.txt";
};

TEST_F(WordPieceTest, AccentsCaseAndMarks_AreTheVocabularysPieces) {
  const auto tokenizer = WordPieceTokenizer::load(posix_file_system(), path_, "");
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status().to_string();
  EXPECT_THAT(tokenizer->encode("Café CARS. [MASK]bus"), ElementsAre(2, 5, 6, 7, 8, 4, 1, 3));
  EXPECT_THAT(tokenizer->encode("car car car", 3), ElementsAre(2, 6, 3));
}

TEST_F(WordPieceTest, AnotherDigest_NamesBothAndTheKey) {
  const auto tokenizer =
      WordPieceTokenizer::load(posix_file_system(), path_, kBertBaseUncasedDigest);
  EXPECT_EQ(tokenizer.status().code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(tokenizer.status().message(),
              AllOf(HasSubstr(kBertBaseUncasedDigest),
                    HasSubstr(digest_file(posix_file_system(), path_).value().hex()),
                    HasSubstr("method.vocabulary_digest")));
}

TEST_F(WordPieceTest, NoFile_SaysWhereToGetIt) {
  const auto tokenizer =
      WordPieceTokenizer::load(posix_file_system(), path_.string() + ".absent", "");
  EXPECT_EQ(tokenizer.status().code(), ErrorCode::kNotFound);
  EXPECT_THAT(tokenizer.status().message(),
              AllOf(HasSubstr("bert-base-uncased"), HasSubstr("method.vocabulary")));
}

TEST(LeastCostAssignment, TemptingFirstChoice_IsGivenUpForTheLeastSum) {
  // Row 0 would take column 0, which costs row 1 nine.
  const at::Tensor cost = at::tensor({1.0, 2.0, 9.0, 1.0, 9.0, 9.0, 9.0, 9.0, 1.0}).view({3, 3});
  EXPECT_THAT(least_cost_assignment(cost), ElementsAre(1, 0, 2));
}

}  // namespace
}  // namespace tagalign::model
