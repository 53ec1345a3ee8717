#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "tests/unit/collectives/collective_checks.h"
#include "worker/collectives/gradient_buckets.h"

namespace tagalign::collectives {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::int64_t kLongMs = 60'000;

void on_threads(std::vector<std::unique_ptr<CollectiveGroup>>& groups,
                const std::function<void(CollectiveGroup&)>& body) {
  std::vector<std::thread> threads;
  for (auto& group : groups) threads.emplace_back([&body, &group] { body(*group); });
  for (std::thread& thread : threads) thread.join();
}

class ThreadGroup : public testing::TestWithParam<int> {};

TEST_P(ThreadGroup, AllVerbs_GiveWhatEveryImplementationMust) {
  auto groups = make_thread_groups(GetParam(), kLongMs);
  on_threads(groups, check_all_verbs);
}

INSTANTIATE_TEST_SUITE_P(Sizes, ThreadGroup, testing::Values(1, 2, 4));

TEST(ThreadGroups, MissingRank_TimesOut_AndTheErrorSticks) {
  auto groups = make_thread_groups(3, 50);
  std::vector<Status> first(2), second(2);
  std::vector<std::thread> threads;
  for (const std::size_t rank : {0U, 1U}) {
    threads.emplace_back([&, rank] {
      first[rank] = groups[rank]->barrier();
      std::vector<float> values(3);
      second[rank] = groups[rank]->all_reduce_sum(values);
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::size_t rank : {0U, 1U}) {
    EXPECT_EQ(first[rank].code(), ErrorCode::kTimeout);
    EXPECT_EQ(second[rank].code(), ErrorCode::kTimeout);
  }
  EXPECT_THAT(first[0].message(), HasSubstr("of 3 ranks came"));
  EXPECT_EQ(groups[2]->barrier().code(), ErrorCode::kTimeout);
}

TEST(ThreadGroups, Abort_WakesWaitingRanks_WithPeerLostAndReason) {
  auto groups = make_thread_groups(2, kLongMs);
  Status status;
  std::thread waiting([&] { status = groups[0]->barrier(); });
  groups[1]->abort("rank 1 is gone");
  groups[1]->abort("said twice");
  waiting.join();
  EXPECT_EQ(status.code(), ErrorCode::kPeerLost);
  EXPECT_THAT(status.message(), HasSubstr("rank 1 is gone"));
}

TEST(ThreadGroups, AbortInTheMiddleOfWork_NeverLeavesAWriterBehind) {
  for (int round = 0; round < 30; ++round) {
    auto groups = make_thread_groups(2, kLongMs);
    std::thread killer([&] { groups[0]->abort("now"); });
    on_threads(groups, [](CollectiveGroup& group) {
      Status status;
      while (status.ok()) {
        std::vector<float> values(
            10'000, 1.0F);  // freed at once: a late writer would be seen by a sanitizer
        status = group.all_reduce_sum(values);
      }
      EXPECT_EQ(status.code(), ErrorCode::kPeerLost);
    });
    killer.join();
  }
}

TEST(ThreadGroups, RanksThatDisagreeOnSize_GetAnErrorWithBothSizes) {
  auto groups = make_thread_groups(2, kLongMs);
  on_threads(groups, [](CollectiveGroup& group) {
    std::vector<float> values(group.rank() == 0 ? 3 : 4);
    const Status status = group.all_reduce_sum(values);
    EXPECT_EQ(status.code(), ErrorCode::kInternal);
    EXPECT_THAT(status.message(), HasSubstr("all_reduce_sum number 1"));
  });
}

TEST(GradientBuckets, Plan_FillsFromTheLastTensor_AndNeverSplits) {
  const std::vector<std::size_t> elements = {10, 2, 2, 100, 1};
  EXPECT_THAT(plan_buckets(elements, 16),
              ElementsAre(Bucket{4}, Bucket{3}, Bucket{2, 1}, Bucket{0}));
  EXPECT_THAT(plan_buckets(elements, 1 << 20), ElementsAre(Bucket{4, 3, 2, 1, 0}));
  EXPECT_TRUE(plan_buckets({}, 16).empty());
}

}  // namespace
}  // namespace tagalign::collectives
