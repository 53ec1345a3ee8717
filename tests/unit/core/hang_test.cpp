// What follows when a gang is taken for hung, and how long the next one is waited for.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/exit_codes.h"
#include "coordinator/core/decide/patience.h"
#include "coordinator/core/ledger.h"
#include "tests/unit/core/world.h"

namespace tagalign::core {
namespace {

using testing::HasSubstr;
using wire::Outcome;
using wire::PhaseTimes;

struct HangTest : testing::Test, Bench {
  void one_job() {
    submit({make_job("train")});
    join("a", 1);
  }
  void started(std::uint32_t attempt) { report("a", wire::AttemptStarted{{1}, {attempt}, 9, now}); }
  void spent(std::uint64_t id, std::uint32_t attempt, const PhaseTimes& times,
             const PhaseTimes& longest = {}) {
    report("a", wire::AttemptSpent{{id}, {attempt}, times, longest});
  }
};

TEST_F(HangTest, Hung_ComesBack_WithDoubledPatience) {
  one_job();
  ended("a", 1, 1, Outcome::kHung, 5);
  EXPECT_TRUE(holder(job(1)) != nullptr) << "placed again at once";
  EXPECT_EQ(job(1).program_failures, 0);
  EXPECT_EQ(patience_of(state, job(1)).doublings, 1);
}

TEST_F(HangTest, HungAtOneStepAgainAndAgain_Fails) {
  one_job();
  ended("a", 1, 1, Outcome::kHung, 5);
  ended("a", 1, 2, Outcome::kHung, 5);
  EXPECT_FALSE(is_terminal(job(1).state));
  ended("a", 1, 3, Outcome::kHung, 5);
  ASSERT_TRUE(std::holds_alternative<Failed>(job(1).state));
  EXPECT_EQ(std::get<Failed>(job(1).state).reason, "hung 3 times in a row at step 5: why");
}

TEST_F(HangTest, HungAtOtherSteps_OrWithACommitBetween_GoesOn) {
  one_job();
  for (std::uint32_t attempt = 1; attempt <= 3; ++attempt)
    ended("a", 1, attempt, Outcome::kHung, attempt);
  EXPECT_FALSE(is_terminal(job(1).state));
  committed(1, 4, 10);
  now += 10'000;
  give(TimePassed{});
  ended("a", 1, 4, Outcome::kHung, 12);
  EXPECT_FALSE(is_terminal(job(1).state));
}

TEST_F(HangTest, HungInARead_IsATroubleOfThePlace_AndWaitsAMinute) {
  one_job();
  for (std::uint32_t attempt = 1; attempt <= 4; ++attempt) {
    ended("a", 1, attempt, Outcome::kHung, 5, to_int(ExitCode::kPlaceFailed));
    ASSERT_TRUE(std::holds_alternative<Queued>(job(1).state)) << attempt;
    EXPECT_GE(std::get<Queued>(job(1).state).not_before_ms, now + limits::kPlaceBackOffMsMin);
    now = std::get<Queued>(job(1).state).not_before_ms;
    give(TimePassed{});
  }
}

TEST_F(HangTest, Patience_IsLearnedFromTheFamily_WithoutAttemptsThatHung) {
  submit({make_job("train")});
  join("a", 1);
  spent(1, 1, {}, {.load = 9'000, .step = 90'000});
  ended("a", 1, 1, Outcome::kHung, 5);
  spent(1, 2, {}, {.load = 1});
  ended("a", 1, 2, Outcome::kRankKilled, 5);
  spent(1, 3, {}, {.load = 3'000, .step = 500});
  ended("a", 1, 3, Outcome::kSucceeded, 20);
  submit({make_job("train")});
  const wire::Patience patience = patience_of(state, job(2));
  EXPECT_EQ(patience.usual.load, 3'000);
  EXPECT_EQ(patience.usual.step, 500);
  EXPECT_EQ(patience.usual.save, 0);
  EXPECT_EQ(patience.doublings, 0);
}

TEST_F(HangTest, Deadlines_OfTheJob_TravelWithTheLaunch) {
  auto spec = make_job("train");
  spec.deadlines.step = 45'000;
  submit({spec});
  EXPECT_EQ(patience_of(state, job(1)).set.step, 45'000);
}

TEST_F(HangTest, Ledger_SplitsByPhase_AndAddsUpExactly) {
  submit({make_job("train", "train", 2)});
  join("a", 2);
  now += 1'000;
  report("a", wire::AttemptStarted{{1}, {1}, 9, now});
  now += 20'000;
  committed(1, 1, 10);
  now += 9'000;
  spent(1, 1,
        {.start = 1'000,
         .load = 6'000,
         .first_step = 2'000,
         .step = 30'000,
         .save = 3'000,
         .hang = 10'000});
  ended("a", 1, 1, Outcome::kHung, 14);
  const Ledger ledger = ledger_of(job(1), now);
  EXPECT_EQ(ledger.hung, 10'000);
  EXPECT_EQ(ledger.lost, 2 * 9'000 - 10'000) << "since the commit, without the hang";
  EXPECT_EQ(ledger.training, 32'000 - 8'000);
  EXPECT_EQ(ledger.loading, 6'000);
  EXPECT_EQ(ledger.saving, 3'000);
  EXPECT_EQ(ledger.held(), 2 * 30'000);
  EXPECT_EQ(ledger.starting, 60'000 - 10'000 - 32'000 - 6'000 - 3'000);
}

TEST_F(HangTest, RanksThatTellTooMuch_AreCutToWhatWasHeld) {
  one_job();
  now += 5'000;
  spent(1, 1, {.step = 900'000, .save = 1'000});
  ended("a", 1, 1, Outcome::kSucceeded, 5);
  const Ledger ledger = ledger_of(job(1), now);
  EXPECT_EQ(ledger.training, 5'000);
  EXPECT_EQ(ledger.held(), 5'000);
}

TEST_F(HangTest, Capacity_CountsSlotsOfAgentsThatAreThere) {
  join("a", 4);
  now += 10'000;
  join("b", 2);
  now += 5'000;
  give(AgentLost{{"a"}});
  EXPECT_EQ(state.capacity.slot_ms, 4 * 10'000 + 6 * 5'000);
  EXPECT_EQ(state.capacity.slots, 2);
}

}  // namespace
}  // namespace tagalign::core
