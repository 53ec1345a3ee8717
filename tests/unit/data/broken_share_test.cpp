#include "data/training/broken_share.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tagalign::data {
namespace {

using ::testing::HasSubstr;

TEST(BrokenShare, LargeEpoch_IsJudgedByItsFirstTenThousand) {
  BrokenShare share(12'000'000, 0.2);
  ASSERT_TRUE(share.add({0, 5000, 1000}).ok());
  ASSERT_TRUE(share.add({5000, 4000, 1000}).ok()) << "2000 of 10000 are just as many as allowed";
  const Status status = share.add({9000, 1000, 1});
  EXPECT_EQ(status.code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(status.message(), HasSubstr("2001 of the first 10000 images of epoch 1"));
  EXPECT_THAT(status.message(), HasSubstr("data.broken_share_max 0.2"));
}

TEST(BrokenShare, ManyAtOnce_AreRefusedBeforeTheWindowEnds) {
  BrokenShare share(12'000'000, 0.2);
  EXPECT_FALSE(share.add({0, 4096, 2001}).ok());
}

TEST(BrokenShare, EveryEpoch_IsCountedAnew) {
  BrokenShare share(100, 0.2);
  for (std::uint64_t epoch = 0; epoch < 5; ++epoch)
    EXPECT_TRUE(share.add({epoch * 100, 100, 20}).ok()) << epoch;
  EXPECT_FALSE(share.add({500, 100, 21}).ok());
}

TEST(BrokenShare, BatchLargerThanTheEpoch_IsJudgedByItsShare) {
  BrokenShare share(10, 0.2);
  EXPECT_TRUE(share.add({0, 64, 13}).ok()) << "12.8 rounded up";
  BrokenShare strict(10, 0.2);
  EXPECT_FALSE(strict.add({0, 64, 14}).ok());
}

TEST(BrokenShare, ZeroAndOne_AllowNothingAndEverything) {
  EXPECT_FALSE(BrokenShare(100, 0).add({0, 10, 1}).ok());
  EXPECT_TRUE(BrokenShare(100, 1).add({0, 100, 100}).ok());
}

TEST(IsJudged, FirstTenThousandOfEachEpoch_AndNoOther) {
  EXPECT_TRUE(is_judged(9'999, 50'000));
  EXPECT_FALSE(is_judged(10'000, 50'000));
  EXPECT_TRUE(is_judged(50'000, 50'000));
}

}  // namespace
}  // namespace tagalign::data
