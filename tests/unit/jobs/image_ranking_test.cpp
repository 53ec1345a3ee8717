#include "worker/evaluate/image_ranking.h"

#include <gmock/gmock.h>

namespace tagalign::jobs {
namespace {

using testing::ElementsAre;

std::int64_t precision(const std::vector<std::pair<float, bool>>& images) {
  ImageRanking ranking(1);
  for (const auto& [score, shown] : images) ranking.add(std::vector<float>{score}, {shown});
  return ranking.average_precision().at(0);
}

TEST(ImageRanking, AveragePrecision_IsTheMeanOfThePrecisionsAtEachImageThatShowsTheClass) {
  EXPECT_EQ(precision({{0.9F, true}, {0.8F, true}, {0.1F, false}}), 1'000'000'000);
  // Found at places 1 and 3: (1/1 + 2/3) / 2.
  EXPECT_EQ(precision({{0.1F, false}, {0.9F, true}, {0.4F, true}, {0.5F, false}}), 833'333'333);
  EXPECT_EQ(precision({{0.9F, false}, {0.8F, true}}), 500'000'000);
}

TEST(ImageRanking, EqualScores_CountTogether_WhateverTheirOrder) {
  EXPECT_EQ(precision({{0.5F, true}, {0.5F, false}}), 500'000'000);
  EXPECT_EQ(precision({{0.5F, false}, {0.5F, true}}), 500'000'000);
}

TEST(ImageRanking, ClassThatNoImageShows_HasNone) {
  EXPECT_EQ(precision({{0.5F, false}}), -1);
  EXPECT_EQ(precision({}), -1);
}

TEST(ImageRanking, PackedPartsOfRanks_GiveTheSameAsOne) {
  ImageRanking whole(2), first(2), second(2), joined(2);
  for (int i = 0; i < 7; ++i) {
    const std::vector<float> scores = {static_cast<float>((i * 5) % 7), static_cast<float>(-i)};
    const std::vector<bool> shown = {i % 3 == 0, i > 4};
    whole.add(scores, shown);
    (i % 2 == 0 ? first : second).add(scores, shown);
  }
  joined.merge_packed(second.pack());
  joined.merge(first);
  EXPECT_EQ(joined.average_precision(), whole.average_precision());
  EXPECT_THAT(ImageRanking(2).average_precision(), ElementsAre(-1, -1));
}

}  // namespace
}  // namespace tagalign::jobs
