// Where the slots' time went.
#include "coordinator/core/ledger.h"

#include <gtest/gtest.h>

#include "tests/unit/core/world.h"

namespace tagalign::core {
namespace {

using wire::Outcome;

struct LedgerTest : testing::Test, Bench {
  void started(std::uint32_t attempt) { report("a", wire::AttemptStarted{{1}, {attempt}, 9, now}); }
};

TEST_F(LedgerTest, KilledAfterACommit_LosesWhatCameAfterIt) {
  submit({make_job("train", "train", 2)});
  now += 1'000;
  join("a", 2);
  now += 300;
  started(1);
  now += 5'000;
  committed(1, 1, 10);
  now += 700;
  ended("a", 1, 1, Outcome::kRankKilled, 12);
  now += 400;
  started(2);
  now += 2'000;
  ended("a", 1, 2, Outcome::kSucceeded, 20);
  now += 9'000;
  const Ledger ledger = ledger_of(job(1), now);
  EXPECT_EQ(ledger.waited, 2 * 1'000);
  EXPECT_EQ(ledger.starting, 2 * (300 + 400));
  EXPECT_EQ(ledger.lasting(), 2 * (5'000 + 2'000));
  EXPECT_EQ(ledger.lost, 2 * 700);
  EXPECT_EQ(ledger.attempts, 2);
  EXPECT_EQ(ledger.held(), 2 * run_ms(job(1), now));
}

TEST_F(LedgerTest, SavedAndLeft_LosesNothing_AndWaitsAgain) {
  submit({make_job("train")});
  join("a", 1);
  started(1);
  now += 3'000;
  give(JobChangeAsked{{1}, wire::JobVerb::kHold, {}, {}, {}});
  now += 50;
  ended("a", 1, 1, Outcome::kSavedAndLeft, 12);
  now += 600;
  const Ledger ledger = ledger_of(job(1), now);
  EXPECT_EQ(ledger.lasting(), 3'050);
  EXPECT_EQ(ledger.lost, 0);
  EXPECT_EQ(ledger.waited, 600);
}

TEST_F(LedgerTest, NeverRan_IsStartingAlone_ALiveOneCountsUntilNow) {
  submit({make_job("train")});
  join("a", 1);
  now += 100;
  ended("a", 1, 1, Outcome::kLaunchFailed);
  EXPECT_EQ(ledger_of(job(1), now).starting, 100);
  EXPECT_EQ(ledger_of(job(1), now).lost, 0);
  now += limits::kLaunchRetryMs;
  give(TimePassed{});
  started(2);
  now += 70;
  EXPECT_EQ(ledger_of(job(1), now).lasting(), 70);
}

}  // namespace
}  // namespace tagalign::core
