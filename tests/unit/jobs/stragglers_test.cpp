#include "worker/train/stragglers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tagalign::jobs {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;

/// Fifty steps that all last 200 ms.
StepSplit split(std::int64_t loader_ms, std::int64_t compute_ms) {
  return {.loader_ms = 50 * loader_ms,
          .compute_ms = 50 * compute_ms,
          .collective_ms = 50 * (200 - loader_ms - compute_ms),
          .host = "node7"};
}

TEST(SlowRanks, EvenRanks_NoneIsNamed) {
  EXPECT_THAT(slow_ranks({split(5, 100), split(10, 105), split(0, 120)}, 50), IsEmpty());
}

TEST(SlowRanks, OneWhoseLoaderIsSlow_IsNamedWithItsParts) {
  const auto slow = slow_ranks({split(5, 95), split(5, 95), split(100, 95), split(4, 96)}, 50);
  ASSERT_EQ(slow.size(), 1u);
  EXPECT_EQ(slow[0].first, 2);
  EXPECT_THAT(
      slow[0].second,
      AllOf(HasSubstr("rank 2 on node7 is slow: 195 ms of its own a step, the median is 100"),
            HasSubstr("(loader 100, compute 95, collectives 5)")));
}

TEST(SlowRanks, TwoRanks_TheSlowerIsComparedWithTheFaster) {
  const auto slow = slow_ranks({split(0, 190), split(0, 60)}, 50);
  ASSERT_EQ(slow.size(), 1u);
  EXPECT_EQ(slow[0].first, 0);
}

TEST(SlowRanks, AFewMilliseconds_AreNoNews) {
  EXPECT_THAT(slow_ranks({split(0, 4), split(0, 20), split(0, 4)}, 50), IsEmpty());
}

}  // namespace
}  // namespace tagalign::jobs
