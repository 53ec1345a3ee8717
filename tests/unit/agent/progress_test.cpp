#include "worker/agent/gangs/progress.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tagalign::agent {
namespace {

using testing::HasSubstr;
using wire::Phase;
using wire::RankBeat;

constexpr MonotonicMs kMinute = 60'000;

/// Three ranks whose beats the test tells.
class ProgressTest : public testing::Test {
 protected:
  void beat(int rank, RankBeat beat) {
    beat.rank = rank;
    progress_->on_beat(beat, now_ms_);
  }
  void all(const RankBeat& each) {
    for (int rank = 0; rank < 3; ++rank) beat(rank, each);
  }
  /// Steps of `step_ms` each, by all ranks.
  void train(std::uint64_t steps, std::int64_t step_ms) {
    all({.phase = Phase::kFirstStep, .moves = ++moves_});
    for (std::uint64_t i = 0; i < steps; ++i) {
      now_ms_ += step_ms;
      all({.step = ++step_, .phase = Phase::kStep, .moves = ++moves_});
    }
  }
  void learns(const wire::Patience& patience) { progress_.emplace(patience, 0, 3, 0); }

  MonotonicMs now_ms_ = 0;
  std::uint64_t moves_ = 0;
  std::uint64_t step_ = 0;
  std::optional<Progress> progress_ = Progress({}, 0, 3, 0);
};

TEST_F(ProgressTest, FastSteps_OneRankStandsStill_IsNamedAfterHalfAMinute) {
  train(10, 500);
  all({.step = 10,
       .phase = Phase::kStep,
       .moves = moves_,
       .collectives = 31,
       .collective = "barrier"});
  beat(1, {.step = 10, .phase = Phase::kStep, .moves = moves_, .collectives = 30});
  now_ms_ += 29'999;
  EXPECT_EQ(progress_->hang(now_ms_), std::nullopt);
  const auto hang = progress_->hang(now_ms_ + 1);
  ASSERT_TRUE(hang.has_value());
  EXPECT_EQ(hang->rank, 1);
  EXPECT_EQ(hang->since_ms, 5'000);
  EXPECT_FALSE(hang->reading);
  EXPECT_THAT(hang->why, HasSubstr("has not got on for 30.0 s"));
  EXPECT_THAT(hang->why, HasSubstr("a step, at step 10"));
  EXPECT_THAT(hang->why, HasSubstr("ranks 0 and 2 wait for it in barrier (collective 31), it has "
                                   "entered 30"));
}

TEST_F(ProgressTest, AllWaitInCollectives_IsADeadlock_AndNamesWhoIsBehind) {
  train(10, 500);
  all({.step = 10,
       .phase = Phase::kStep,
       .moves = moves_,
       .collectives = 31,
       .collective = "barrier"});
  beat(2, {.step = 10,
           .phase = Phase::kStep,
           .moves = moves_,
           .collectives = 30,
           .collective = "all_gather"});
  const auto hang = progress_->hang(now_ms_ + 30'000);
  ASSERT_TRUE(hang.has_value());
  EXPECT_EQ(hang->rank, 2);
  EXPECT_THAT(hang->why, HasSubstr("all_gather (collective 30), as all ranks here"));
}

TEST_F(ProgressTest, AllHereWaitForOneElsewhere_TheOtherAgentSpeaksFirst) {
  progress_.emplace(wire::Patience{}, 0, 3, 0, false);
  train(10, 500);
  all({.step = 10,
       .phase = Phase::kStep,
       .moves = moves_,
       .collectives = 31,
       .collective = "barrier"});
  EXPECT_EQ(progress_->hang(now_ms_ + 39'999), std::nullopt);
  EXPECT_TRUE(progress_->hang(now_ms_ + 40'000).has_value());
}

TEST_F(ProgressTest, OneStillMoves_WhoWaitsForItIsNotJudged) {
  train(10, 500);
  for (int i = 0; i < 20; ++i) {
    now_ms_ += 10'000;
    beat(0, {.phase = Phase::kImage, .moves = ++moves_});
    beat(1, {.phase = Phase::kWait, .moves = 5, .collective = "all_reduce_sum_u64"});
    beat(2, {.phase = Phase::kStep, .moves = 5, .collective = "all_reduce_sum_u64"});
    EXPECT_EQ(progress_->hang(now_ms_), std::nullopt);
  }
}

TEST_F(ProgressTest, Reading_IsSaid_AndIsNotTheProgramsFault) {
  train(10, 500);
  for (int rank = 0; rank < 2; ++rank)
    beat(rank, {.phase = Phase::kStep, .moves = moves_, .collective = "barrier"});
  beat(2, {.phase = Phase::kStep, .moves = moves_, .reading = "/nfs/a.jpg for 29 s"});
  const auto hang = progress_->hang(now_ms_ + 31'000);
  ASSERT_TRUE(hang.has_value());
  EXPECT_EQ(hang->rank, 2);
  EXPECT_TRUE(hang->reading);
  EXPECT_THAT(hang->why, HasSubstr("reading /nfs/a.jpg for 29 s"));
}

TEST_F(ProgressTest, SlowSteps_AreGivenTwentyTimesTheirMedian_AndThriceTheLongest) {
  train(9, 10'000);
  EXPECT_EQ(progress_->deadline_ms(Phase::kStep), 200'000);
  now_ms_ += 90'000;
  all({.step = 11, .phase = Phase::kStep, .moves = ++moves_});
  EXPECT_EQ(progress_->deadline_ms(Phase::kStep), 270'000);
}

TEST_F(ProgressTest, NothingKnown_WaitsLong) {
  EXPECT_EQ(progress_->deadline_ms(Phase::kStart), 10 * kMinute);
  EXPECT_EQ(progress_->deadline_ms(Phase::kLoad), 60 * kMinute);
  EXPECT_EQ(progress_->deadline_ms(Phase::kStep), 30 * kMinute);
  EXPECT_EQ(progress_->deadline_ms(Phase::kWait), 0);
}

TEST_F(ProgressTest, EarlierAttempts_AreLearnedFrom_ButNeverBelowTheFloor) {
  learns({.usual = {.load = 500'000, .first_step = 100'000, .step = 400, .save = 1'000}});
  EXPECT_EQ(progress_->deadline_ms(Phase::kLoad), 2'500'000);
  EXPECT_EQ(progress_->deadline_ms(Phase::kFirstStep), 500'000);
  EXPECT_EQ(progress_->deadline_ms(Phase::kSave), 5 * kMinute);
  EXPECT_EQ(progress_->deadline_ms(Phase::kStep), 30'000);
  learns({.usual = {.load = 1'000}});
  EXPECT_EQ(progress_->deadline_ms(Phase::kLoad), 30 * kMinute);
}

TEST_F(ProgressTest, QuickMovesOfALoad_DoNotShortenWhatComes) {
  for (std::uint64_t move = 1; move < 10; ++move) {
    all({.phase = Phase::kLoad, .moves = move});
    now_ms_ += 100;
  }
  EXPECT_EQ(progress_->deadline_ms(Phase::kLoad), 60 * kMinute);
}

TEST_F(ProgressTest, TakenForHungBefore_DoublesAllButWhatIsSet) {
  learns({.set = {.save = 7'000}, .usual = {.step = 400}, .doublings = 2});
  EXPECT_EQ(progress_->deadline_ms(Phase::kStep), 120'000);
  EXPECT_EQ(progress_->deadline_ms(Phase::kSave), 7'000);
  EXPECT_EQ(progress_->deadline_ms(Phase::kStart), 40 * kMinute);
}

TEST_F(ProgressTest, NoHello_IsAStartThatHangs_NoMovesAtAll_AreNotJudged) {
  beat(0, {.phase = Phase::kStart});
  beat(1, {.phase = Phase::kStart});
  const auto hang = progress_->hang(10 * kMinute);
  ASSERT_TRUE(hang.has_value());
  EXPECT_EQ(hang->rank, 2);
  beat(2, {.phase = Phase::kStart});
  EXPECT_EQ(progress_->hang(100 * kMinute), std::nullopt);
}

TEST_F(ProgressTest, Spent_AddsUpOverRanks_AndWhatHungIsApart) {
  all({.phase = Phase::kLoad, .moves = 1});
  now_ms_ = 4'000;
  train(10, 500);
  progress_->on_end(0, now_ms_);
  const Hang hang{.rank = 1, .since_ms = now_ms_};
  const wire::PhaseTimes spent = progress_->spent(now_ms_ + 7'000, hang);
  EXPECT_EQ(spent.load, 3 * 4'000);
  EXPECT_EQ(spent.first_step, 3 * 500);
  EXPECT_EQ(spent.step, 3 * 4'500);
  EXPECT_EQ(spent.hang, 2 * 7'000);
  EXPECT_EQ(progress_->spent(now_ms_ + 7'000).step, 3 * 4'500 + 2 * 7'000);
  EXPECT_EQ(progress_->longest().load, 4'000);
  EXPECT_EQ(progress_->longest().step, 500);
}

}  // namespace
}  // namespace tagalign::agent
