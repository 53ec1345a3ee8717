/// What must hold between the two halves: the past is not judged again, by
/// whatever rules come next.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/core/world.h"

namespace tagalign::core {
namespace {

using testing::Contains;
using testing::Not;
using wire::Outcome;

/// The agent with the fewest free slots that suffice, the last by name of these.
std::optional<Placement> tightest(const State& state, const wire::JobSpec& job, UnixMs,
                                  const std::set<AgentId>&) {
  const auto shelf = state.index.free.lower_bound(slots_of(job));
  if (shelf == state.index.free.end()) return std::nullopt;
  return place_on(state, job, *shelf->second.rbegin());
}

State fold(const std::vector<Fact>& facts) {
  State state;
  for (const Fact& fact : facts) evolve(state, fact);
  return state;
}

/// Two agents, one finished job, one that runs in its third attempt, one that waits.
Bench busy() {
  Bench b;
  b.join("a", 4);
  b.join("b", 1);
  b.submit({make_job("done"), make_job("again"), make_job("later", "train", 9)});
  b.ended("a", 1, 1, Outcome::kSucceeded);
  b.ended("a", 2, 1, Outcome::kRankKilled, 3);
  b.ended("a", 2, 2, Outcome::kRankKilled, 4);
  b.report("a", wire::AttemptStarted{{2}, {3}, 9, b.now});
  return b;
}

TEST(History, FoldedByANewerScheduler_IsTheSameState) {
  const Bench before = busy();
  Bench after;
  after.state = fold(before.facts);
  after.mind.policy = {.stalled_retries_max = 0,
                       .same_step_kills_max = 0,
                       .same_step_hangs_max = 0,
                       .infrastructure_retries_max = 1,
                       .place = tightest};
  after.mind.reminders = remind_all(after.state);
  after.sequence = before.sequence;
  after.submitted = before.submitted;
  EXPECT_EQ(dump(after.state), dump(before.state));
  EXPECT_EQ(after.state_of(1), "succeeded");
  EXPECT_EQ(after.state_of(2), "running") << "its retries were granted by the rules of their time";

  after.give(ServiceStarted{});
  after.join("a", 4, {{{2}, {3}}});
  EXPECT_THAT(after.effects, Not(Contains(testing::HasSubstr("launch")))) << "nothing twice";
  after.ended("a", 2, 3, Outcome::kRankKilled, 5);
  EXPECT_EQ(after.state_of(2), "failed") << "from now on the new limits hold";
  after.submit({make_job("new")});
  EXPECT_THAT(after.effects, Contains("launch 4.1@b")) << "and so does the new choice";
}

TEST(History, EveryPrefix_FoldsLikeItWasDecided) {
  Bench b = busy();
  b.give(CancelRequested{{2}});
  b.give(AgentLost{{"a"}});
  b.give(StopRequested{true});
  b.give(ServiceStopped{});
  EXPECT_EQ(dump(fold(b.facts)), dump(b.state));
  State rebuilt = fold(b.facts);
  const Index folded = rebuilt.index;
  build_index(rebuilt);
  EXPECT_EQ(folded.live, rebuilt.index.live);
  EXPECT_EQ(folded.free, rebuilt.index.free);
  EXPECT_EQ(folded.orphans, rebuilt.index.orphans);
  EXPECT_EQ(folded.tokens, rebuilt.index.tokens);
}

TEST(Shutdown, Asked_NothingIsPlacedUntilTheNextStart) {
  Bench b;
  b.join("a", 1);
  b.submit({make_job("one"), make_job("two")});
  b.give(StopRequested{false});
  EXPECT_THAT(b.effects, testing::ElementsAre("close pools", "shutdown@a"));
  b.ended("a", 1, 1, Outcome::kSavedAndLeft, 3, 75);
  EXPECT_THAT(b.effects, testing::ElementsAre("ack 1@a"));
  EXPECT_EQ(b.state_of(2), "queued");

  Bench next;  // after a crash in the middle of the stop
  next.state = fold(b.facts);
  next.give(ServiceStarted{});
  EXPECT_THAT(next.effects, Contains("alert"));
  EXPECT_EQ(next.state_of(2), "starting");
}

TEST(Shutdown, WithKill_AttemptsAreKilledFirst) {
  Bench b;
  b.join("a", 1);
  b.submit({make_job("one")});
  b.give(StopRequested{false});
  b.give(StopRequested{true});
  EXPECT_THAT(b.effects, testing::ElementsAre("close pools", "kill 1.1@a", "shutdown@a"));
  b.join("a", 1, {{{1}, {1}}});
  EXPECT_THAT(b.effects, testing::ElementsAre("kill 1.1@a", "shutdown@a"));
}

TEST(Pools, ReportedAgain_IsAFactOnlyWhenItChanged) {
  Bench b;
  b.give(PoolReported{"local", {}});
  EXPECT_TRUE(b.facts.empty());
  b.give(PoolReported{"local", {1, 4}});
  b.give(PoolReported{"local", {1, 4}});
  EXPECT_EQ(b.facts.size(), 1u);
  EXPECT_EQ(b.state.pools.at("local").slots_per_agent, 4);
}

}  // namespace
}  // namespace tagalign::core
