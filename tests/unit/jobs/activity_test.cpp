#include "worker/rank/activity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <thread>

#include "base/clock.h"
#include "worker/rank/hang_notes.h"
#include "worker/rank/recorded_group.h"
#include "worker/rank/stacks_posix.h"

namespace tagalign::jobs {

/// Outside the unnamed namespace: its name shall stand in the stack of the thread that is in it.
[[gnu::noinline]] void spin_for_the_test(const std::atomic<bool>& stop) {
  while (!stop) {
  }
}

namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

TEST(RecordedGroup, Collectives_AreNumbered_AndTheLastAreKept) {
  ManualClock clock;
  Activity activity(clock);
  auto seats = collectives::make_thread_groups(1, 1'000);
  RecordedGroup group(*seats[0], activity);
  for (int i = 0; i < 70; ++i) EXPECT_TRUE(group.barrier().ok());
  std::array<std::uint64_t, 2> values{1, 2};
  EXPECT_TRUE(group.all_reduce_sum_u64(values).ok());
  const auto kept = activity.collectives();
  ASSERT_EQ(kept.size(), kCollectivesKept);
  EXPECT_EQ(kept.front().number, 8u);
  EXPECT_EQ(kept.back().number, 71u);
  EXPECT_EQ(kept.back().name, "all_reduce_sum_u64");
  EXPECT_EQ(kept.back().bytes, 16u);
  EXPECT_EQ(activity.view().collective, "");
  EXPECT_EQ(activity.view().moves, 71u);
}

TEST(Activity, InsideACollective_IsTold_WithSinceWhen) {
  ManualClock clock;
  Activity activity(clock);
  activity.enter(wire::Phase::kStep);
  activity.begin_collective("barrier", 0);
  clock.advance_ms(250);
  activity.end_collective();
  activity.begin_collective("all_gather", 40);
  clock.advance_ms(3'000);
  EXPECT_EQ(activity.view().collectives, 2u);
  EXPECT_EQ(activity.view().collective, "all_gather");
  EXPECT_EQ(activity.collective_ms(), 250);
  EXPECT_THAT(activity_text(activity, "/a.jpg for 2 s", clock.monotonic_ms()),
              AllOf(HasSubstr("reading /a.jpg for 2 s"), HasSubstr("1 barrier of 0 bytes"),
                    HasSubstr("2 all_gather of 40 bytes: entered 3.0 s ago, still in it")));
}

TEST(Stacks, ThreadInAnEndlessLoop_ShowsWhereItIs) {
  prepare_stacks();
  std::atomic<bool> stop = false;
  std::thread busy([&] { spin_for_the_test(stop); });
  std::string text;
  for (int tries = 0; tries < 20 && text.find("spin_for_the_test") == std::string::npos; ++tries)
    text = stacks_of_other_threads();
  stop = true;
  busy.join();
  EXPECT_THAT(text, HasSubstr("thread "));
  EXPECT_THAT(text, AllOf(HasSubstr("spin_for_the_test"), Not(HasSubstr("did not answer"))));
}

}  // namespace
}  // namespace tagalign::jobs
