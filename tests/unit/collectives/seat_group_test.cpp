#include "worker/collectives/seat_group.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>
#include <tuple>

#include "tests/unit/collectives/collective_checks.h"

namespace tagalign::collectives {
namespace {

using testing::HasSubstr;

constexpr std::int64_t kLongMs = 60'000;

/// Runs `body` on every seat of every process, each from its own thread.
void on_seats(int processes, int seats, const std::function<void(CollectiveGroup&)>& body) {
  auto groups = make_thread_groups(processes, kLongMs);
  std::vector<std::unique_ptr<CollectiveGroup>> all;
  for (auto& group : groups) {
    for (auto& seat : make_seat_groups(*group, seats)) all.push_back(std::move(seat));
  }
  std::vector<std::thread> threads;
  for (auto& seat : all) threads.emplace_back([&body, &seat] { body(*seat); });
  for (std::thread& thread : threads) thread.join();
}

class SeatGroup : public testing::TestWithParam<std::tuple<int, int>> {};

TEST_P(SeatGroup, AllVerbs_GiveWhatEveryImplementationMust) {
  const auto [processes, seats] = GetParam();
  on_seats(processes, seats, check_all_verbs);
}

INSTANTIATE_TEST_SUITE_P(ProcessesAndSeats, SeatGroup,
                         testing::Values(std::tuple(1, 1), std::tuple(1, 4), std::tuple(2, 2),
                                         std::tuple(4, 1), std::tuple(2, 3)));

TEST(SeatGroups, Ranks_AreCountedThroughTheProcesses) {
  std::vector<int> seen(6, 0);
  on_seats(2, 3, [&](CollectiveGroup& seat) {
    EXPECT_EQ(seat.size(), 6);
    ++seen[static_cast<std::size_t>(seat.rank())];
  });
  EXPECT_THAT(seen, testing::Each(1));
}

TEST(SeatGroups, SeatThatGivesUp_FreesTheOthersOfItsProcess) {
  auto groups = make_thread_groups(1, kLongMs);
  auto seats = make_seat_groups(*groups[0], 2);
  Status waited;
  std::thread other([&] {
    std::vector<float> values(3);
    waited = seats[0]->all_reduce_sum(values);
  });
  seats[1]->abort("the loss threw");
  other.join();
  EXPECT_THAT(waited.message(), HasSubstr("the loss threw"));
  EXPECT_FALSE(seats[1]->barrier().ok());
}

TEST(SeatGroups, SeatsThatDisagree_AreAnError) {
  auto groups = make_thread_groups(1, kLongMs);
  auto seats = make_seat_groups(*groups[0], 2);
  std::vector<Status> ends(2);
  std::thread other([&] { ends[0] = seats[0]->barrier(); });
  std::vector<float> values(3);
  ends[1] = seats[1]->all_reduce_sum(values);
  other.join();
  EXPECT_FALSE(ends[0].ok());
  EXPECT_THAT(ends[1].message(), HasSubstr("disagree"));
}

}  // namespace
}  // namespace tagalign::collectives
