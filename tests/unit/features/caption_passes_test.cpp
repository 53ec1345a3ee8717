#include "worker/features/caption_passes.h"

#include <gmock/gmock.h>

#include <set>

namespace tagalign::jobs {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<TokenRow> of_lengths(const std::vector<std::size_t>& lengths) {
  std::vector<TokenRow> captions;
  for (const std::size_t length : lengths) captions.emplace_back(length, 1);
  return captions;
}

TEST(CaptionPasses, Lengths_EndWithTheContext) {
  EXPECT_THAT(pass_lengths(77), ElementsAre(16, 24, 32, 48, 64, 77));
  EXPECT_THAT(pass_lengths(64), ElementsAre(16, 24, 32, 48, 64));
  EXPECT_THAT(pass_lengths(12), ElementsAre(12));
}

TEST(CaptionPasses, Caption_GoesToTheShortestLengthThatHoldsIt) {
  const auto lengths = pass_lengths(77);
  EXPECT_EQ(padded_length(lengths, 2), 16);
  EXPECT_EQ(padded_length(lengths, 16), 16);
  EXPECT_EQ(padded_length(lengths, 17), 24);
  EXPECT_EQ(padded_length(lengths, 77), 77);
}

TEST(CaptionPasses, Plan_HasEachCaptionOnce_ByLengthAndInOrder) {
  const auto passes = plan_passes(of_lengths({5, 77, 16, 17, 3, 9}), pass_lengths(77), 2);
  ASSERT_EQ(passes.size(), 4u);
  EXPECT_EQ(passes[0].length, 16);
  EXPECT_THAT(passes[0].members, ElementsAre(0, 2));
  EXPECT_THAT(passes[1].members, ElementsAre(4, 5));
  EXPECT_EQ(passes[2].length, 24);
  EXPECT_THAT(passes[2].members, ElementsAre(3));
  EXPECT_EQ(passes[3].length, 77);
  EXPECT_THAT(passes[3].members, ElementsAre(1));
  EXPECT_THAT(plan_passes({}, pass_lengths(77), 2), IsEmpty());
}

}  // namespace
}  // namespace tagalign::jobs
