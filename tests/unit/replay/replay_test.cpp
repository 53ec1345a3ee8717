/// Histories that the core itself has written, decided again: without a change they are the same, and
/// each change does what it says.
#include <gmock/gmock.h>

#include "coordinator/replay/compare.h"
#include "coordinator/replay/driver.h"
#include "tests/unit/core/world.h"

namespace tagalign::replay {
namespace {

using core::Bench;
using core::make_job;
using wire::Outcome;

constexpr std::int64_t kStartMs = 500;

void started(Bench& b, std::uint64_t job, std::uint32_t attempt) {
  b.report("a", wire::AttemptStarted{{job}, {attempt}, 1, b.now});
}

void committed(Bench& b, std::uint64_t job, std::uint32_t attempt, std::uint64_t step) {
  const std::string name = "step-" + std::to_string(step);
  b.report("a", wire::CheckpointCommitted{
                    {job}, {attempt}, {step, name, name, true}, {kStartMs, 90, 100, 100}});
}

/// Jobs 1 and 2 of 10 and 20 s at once on two slots, then job 3 of 10 s.
Bench three_jobs() {
  Bench b;
  b.join("a", 2);
  b.submit({make_job("one"), make_job("two"), make_job("three")});
  b.now += kStartMs;
  started(b, 1, 1);
  started(b, 2, 1);
  b.now += 10'000;
  b.ended("a", 1, 1, Outcome::kSucceeded);
  b.now += kStartMs;
  started(b, 3, 1);
  b.now += 9'500;
  b.ended("a", 2, 1, Outcome::kSucceeded);
  b.now += 500;
  b.ended("a", 3, 1, Outcome::kSucceeded);
  return b;
}

/// A training of 40 steps of 100 ms, killed after its commit at step 10 and 2.9 s more; it goes on
/// from there in its second attempt.
Bench killed_training() {
  Bench b;
  b.join("a", 1);
  b.submit({make_job("train")});
  b.now += kStartMs;
  started(b, 1, 1);
  b.now += 1'100;
  committed(b, 1, 1, 10);
  b.now += 2'900;
  b.ended("a", 1, 1, Outcome::kRankKilled, 39);
  b.now += kStartMs;
  started(b, 1, 2);
  b.now += 3'000;
  b.ended("a", 1, 2, Outcome::kSucceeded, 40);
  return b;
}

Comparison comparison(const Bench& b, const WhatIf& what_if = {}) {
  return compare(b.facts, what_if);
}

void expect_equal(const Figures& a, const Figures& b) {
  EXPECT_EQ(a.makespan_ms, b.makespan_ms);
  EXPECT_EQ(a.waiting_mean_ms, b.waiting_mean_ms);
  EXPECT_EQ(a.waiting_p90_ms, b.waiting_p90_ms);
  EXPECT_EQ(a.ledger, b.ledger);
  EXPECT_EQ(a.jobs, b.jobs);
}

TEST(Replay, WithoutAChange_IsTheHistory) {
  for (const Bench& b : {three_jobs(), killed_training()}) {
    const Comparison compared = comparison(b);
    expect_equal(compared.history, compared.replayed);
    EXPECT_FALSE(compared.what_if.has_value());
    EXPECT_EQ(compared.replayed.jobs.begin()->first, "succeeded");
  }
}

TEST(Replay, MoreSlots_NobodyWaits) {
  const Comparison compared = comparison(three_jobs(), {.slots = 3});
  EXPECT_EQ(compared.history.waiting_p90_ms, 10'500);
  EXPECT_EQ(compared.what_if->waiting_p90_ms, 0);
  EXPECT_EQ(compared.what_if->makespan_ms, 20'500);
}

TEST(Replay, OneSlot_OneAfterTheOther) {
  EXPECT_EQ(comparison(three_jobs(), {.slots = 1}).what_if->makespan_ms, 41'500);
}

TEST(Replay, OtherAgents_AreThereFromTheBeginning) {
  EXPECT_EQ(comparison(three_jobs(), {.agents = 2}).what_if->makespan_ms, 20'500);
}

TEST(Replay, CommitsMoreOften_LessIsLost) {
  const Comparison compared = comparison(killed_training(), {.checkpoint_every = 5});
  EXPECT_EQ(compared.history.ledger.lost, 2'900);
  EXPECT_LT(compared.what_if->ledger.lost, 1'000);
  EXPECT_LT(compared.what_if->makespan_ms, compared.history.makespan_ms);
}

TEST(Replay, WithoutFailures_OneAttemptSuffices) {
  const Comparison compared = comparison(killed_training(), {.failures = false});
  EXPECT_EQ(compared.what_if->ledger.attempts, 1);
  EXPECT_EQ(compared.what_if->makespan_ms, kStartMs + 4'100);
}

/// A job of 10 s on an agent that is gone after 4 s and comes back 6 s later.
Bench lost_agent() {
  Bench b;
  b.join("a", 1);
  b.submit({make_job("one")});
  started(b, 1, 1);
  b.now += 4'000;
  b.give(core::AgentLost{{"a"}});
  b.now += 6'000;
  b.join("a", 1, {}, "i2");
  started(b, 1, 2);
  b.now += 10'000;
  b.ended("a", 1, 2, Outcome::kSucceeded);
  return b;
}

TEST(Replay, AgentsThatWent_GoAtTheirTime) {
  const Bench b = lost_agent();
  const Comparison compared = comparison(b, {.failures = false});
  expect_equal(compared.history, compared.replayed);
  EXPECT_EQ(compared.what_if->makespan_ms, 10'000);
}

TEST(Replay, FailingProgram_GetsTheRetriesThatAreAsked) {
  Bench b;
  b.join("a", 1);
  wire::JobSpec job = make_job("bad");
  job.retries_max = 1;
  b.submit({job});
  for (std::uint32_t attempt = 1; attempt <= 2; ++attempt) {
    started(b, 1, attempt);
    b.now += 1'000;
    b.ended("a", 1, attempt, Outcome::kFailed, attempt, 1);
  }
  ASSERT_EQ(b.state_of(1), "failed");
  const Comparison compared = comparison(b, {.retries = 0});
  expect_equal(compared.history, compared.replayed);
  EXPECT_EQ(compared.what_if->ledger.attempts, 1);
  EXPECT_EQ(compared.what_if->jobs.at("failed"), 1u);
}

/// A long job, then a large one that finds no room, then a short one that could go before it.
Bench short_behind_large() {
  Bench b;
  b.join("a", 2);
  b.submit({make_job("long")});
  started(b, 1, 1);
  wire::JobSpec brief = make_job("brief");
  brief.time_limit_s = 5;
  b.give(core::JobChangeAsked{{1}, wire::JobVerb::kSet, "", {}, 30});
  b.submit({make_job("large", "train", 2), brief});
  started(b, 3, 1);
  b.now += 4'000;
  b.ended("a", 3, 1, Outcome::kSucceeded);
  b.now += 16'000;
  b.ended("a", 1, 1, Outcome::kSucceeded);
  started(b, 2, 1);
  b.now += 1'000;
  b.ended("a", 2, 1, Outcome::kSucceeded);
  return b;
}

TEST(Replay, WithoutBackfill_TheShortOneWaitsForTheLarge) {
  const Comparison compared = comparison(short_behind_large(), {.backfill = false});
  expect_equal(compared.history, compared.replayed);
  EXPECT_EQ(compared.history.makespan_ms, 21'000);
  EXPECT_EQ(compared.what_if->makespan_ms, 25'000);
}

TEST(Replay, CancelledByAPerson_IsCancelledAgain) {
  Bench b;
  b.join("a", 1);
  b.submit({make_job("one"), make_job("two")});
  started(b, 1, 1);
  b.now += 1'000;
  b.give(core::CancelRequested{{2}});
  b.now += 1'000;
  b.give(core::CancelRequested{{1}});
  b.ended("a", 1, 1, Outcome::kSavedAndLeft, 5, 75);
  const Comparison compared = comparison(b);
  EXPECT_EQ(compared.replayed.jobs.at("cancelled"), 2u);
  EXPECT_EQ(compared.replayed.makespan_ms, 2'000);
}

TEST(Replay, HigherPriority_MakesRoomOnlyWhereItMay) {
  Bench b;
  b.join("a", 1);
  b.submit({make_job("low")});
  started(b, 1, 1);
  b.now += 1'100;
  committed(b, 1, 1, 10);
  wire::JobSpec urgent = make_job("urgent");
  urgent.priority = 5;
  b.submit({urgent});
  b.ended("a", 1, 1, Outcome::kSavedAndLeft, 10, 75);
  started(b, 2, 1);
  b.now += 2'000;
  b.ended("a", 2, 1, Outcome::kSucceeded);
  b.now += 60'000;
  b.give(core::TimePassed{});
  started(b, 1, 2);
  b.now += 1'000;
  b.ended("a", 1, 2, Outcome::kSucceeded);
  ASSERT_EQ(b.state_of(1), "succeeded");
  EXPECT_EQ(comparison(b).replayed.ledger.attempts, 3);
  EXPECT_EQ(comparison(b, {.preemption = false}).what_if->ledger.attempts, 2);
  EXPECT_EQ(comparison(b, {.priorities = false}).what_if->ledger.attempts, 2);
}

}  // namespace
}  // namespace tagalign::replay
