/// Walks every pair of job state and event of coordinator/core/transitions.md.
#include <gtest/gtest.h>

#include <functional>

#include "tests/unit/core/world.h"

namespace tagalign::core {
namespace {

using wire::Outcome;

const std::vector<std::string> kStates = {"queued",    "starting", "running",  "saving",
                                          "succeeded", "failed",   "cancelled"};

/// Job 1 in the wanted state with attempt 1 on agent a, which has one slot; job 2 takes the slot
/// when job 1 leaves it, so that the state which follows is seen before the job is placed again.
Bench in_state(const std::string& wanted) {
  Bench b;
  b.join("a", 1);
  b.submit({make_job("one"), make_job("two")});
  if (wanted == "starting") return b;
  b.report("a", wire::AttemptStarted{{1}, {1}, 9, b.now});
  if (wanted == "saving" || wanted == "cancelled") b.give(CancelRequested{{1}});
  if (wanted == "cancelled") b.ended("a", 1, 1, Outcome::kSavedAndLeft);
  if (wanted == "succeeded") b.ended("a", 1, 1, Outcome::kSucceeded);
  if (wanted == "failed") b.ended("a", 1, 1, Outcome::kFailed, 0, 93);
  if (wanted == "queued") {
    b.resize(1, 2);  // does not fit any more
    b.ended("a", 1, 1, Outcome::kRankKilled);
  }
  return b;
}

/// Job 1 never fits again: what follows is not hidden by a new launch.
void prevent_launch(Bench& b) {
  b.resize(1, 8);
}

struct Row {
  std::string event;
  std::function<void(Bench&)> act;
  /// For each of kStates: "<state>" and the effects that concern job 1.
  std::vector<std::string> expected;
};

std::function<void(Bench&)> ends(Outcome outcome, int code = 0, std::uint32_t attempt = 1) {
  return [=](Bench& b) { b.ended("a", 1, attempt, outcome, 3, code); };
}
std::function<void(Bench&)> joins(bool knows, std::string incarnation, bool wiped = false) {
  return [=](Bench& b) {
    std::vector<std::pair<JobId, Attempt>> known;
    if (knows) known.push_back({{1}, {1}});
    if (!knows && !wiped) known.push_back({{2}, {1}});
    if (wiped) b.state.agents.at({"a"}).last_sequence = 5;
    b.join("a", 1, known, incarnation, wiped ? 1 : 0);
  };
}
std::function<void(Bench&)> waits(std::int64_t ms) {
  return [=](Bench& b) {
    b.now += ms;
    b.give(TimePassed{});
  };
}
std::vector<std::string> live_only(const std::string& starting, const std::string& running,
                                   const std::string& saving) {
  return {"queued", starting, running, saving, "succeeded", "failed", "cancelled"};
}

/// Rows of requests and of what a live attempt reports.
std::vector<Row> reports() {
  const auto report = [](auto event) { return [event](Bench& b) { b.report("a", event); }; };
  const wire::CheckpointInfo info{4, "/c/4", "d4", true};
  const std::string k = " kill 1.1";
  const std::vector<std::string> same = live_only("starting", "running", "saving");
  return {
      {"cancel",
       [](Bench& b) { b.give(CancelRequested{{1}}); },
       {"cancelled", "saving save 1.1", "saving save 1.1", "saving", "succeeded", "failed",
        "cancelled"}},
      {"started, live",
       report(wire::AttemptStarted{{1}, {1}, 9, 5}),
       {"queued" + k, "running", "running", "saving", "succeeded" + k, "failed" + k,
        "cancelled" + k}},
      {"started, other",
       report(wire::AttemptStarted{{1}, {0}, 9, 5}),
       {"queued kill 1.0", "starting kill 1.0", "running kill 1.0", "saving kill 1.0",
        "succeeded kill 1.0", "failed kill 1.0", "cancelled kill 1.0"}},
      {"committed", report(wire::CheckpointCommitted{{1}, {1}, info}), same},
      {"committed, other", report(wire::CheckpointCommitted{{1}, {0}, info}), same},
      {"result", report(wire::ResultReported{{1}, {1}, {}}), same},
      {"notice", report(wire::RankNotice{{1}, {1}, 0, "n"}), same},
      {"notice, other", report(wire::RankNotice{{1}, {0}, 0, "n"}), same},
  };
}

/// Rows of attempts that end.
std::vector<Row> ends_of_attempts() {
  const std::vector<std::string> same = live_only("starting", "running", "saving");
  return {
      {"ended succeeded", ends(Outcome::kSucceeded),
       live_only("succeeded", "succeeded", "succeeded")},
      {"ended saved", ends(Outcome::kSavedAndLeft), live_only("queued", "queued", "cancelled")},
      {"ended failed", ends(Outcome::kFailed), live_only("queued", "queued", "cancelled")},
      {"ended failed 93", ends(Outcome::kFailed, 93), live_only("failed", "failed", "cancelled")},
      {"ended failed 74", ends(Outcome::kFailed, 74), live_only("queued", "queued", "cancelled")},
      {"ended launch failed 74", ends(Outcome::kLaunchFailed, 74),
       live_only("queued", "queued", "cancelled")},
      {"ended launch failed", ends(Outcome::kLaunchFailed),
       live_only("queued", "queued", "cancelled")},
      {"ended rank killed", ends(Outcome::kRankKilled), live_only("queued", "queued", "cancelled")},
      {"ended agent restarted", ends(Outcome::kAgentRestarted),
       live_only("queued", "queued", "cancelled")},
      {"ended killed", ends(Outcome::kKilledOnRequest), live_only("queued", "queued", "cancelled")},
      {"ended, other", ends(Outcome::kSucceeded, 0, 0), same},
  };
}

/// Rows of agents that come and go, and of time.
std::vector<Row> joins_and_time() {
  const std::string k = " kill 1.1";
  const std::vector<std::string> same = live_only("starting", "running", "saving");
  return {
      {"joined, knows",
       joins(true, "i2"),
       {"queued" + k, "starting", "running", "saving save 1.1", "succeeded" + k, "failed" + k,
        "cancelled" + k}},
      {"joined, same process, without", joins(false, "i1"),
       live_only("starting launch 1.1", "running", "saving save 1.1")},
      {"joined, restarted, without", joins(false, "i2"),
       live_only("starting launch 1.1", "queued", "cancelled")},
      {"joined, wiped", joins(false, "i2", true), live_only("queued", "queued", "cancelled")},
      {"lost", [](Bench& b) { b.give(AgentLost{{"a"}}); },
       live_only("queued", "queued", "cancelled")},
      {"time, nothing due", waits(10), same},
      {"time, unanswered", waits(11'000),
       live_only("starting launch 1.1", "running", "saving save 1.1 hello")},
      {"time, grace over", waits(limits::kSaveAndLeaveMsMax),
       live_only("starting launch 1.1", "running", "saving kill 1.1")},
  };
}

std::vector<Row> table() {
  std::vector<Row> rows = reports();
  for (const auto& more : {ends_of_attempts(), joins_and_time()}) {
    rows.insert(rows.end(), more.begin(), more.end());
  }
  return rows;
}

/// State of job 1 and what was sent about it; SayHello counts, acknowledgements and job 2 do not.
std::string seen(Bench& b) {
  std::string text = b.state_of(1);
  for (const std::string& effect : b.effects) {
    const std::string what = effect.substr(0, effect.find('@'));
    if (what.find(" 1.") != std::string::npos || what == "hello") text += " " + what;
  }
  return text;
}

TEST(Transitions, EveryStateAndEvent_AsTheTableSays) {
  for (const Row& row : table()) {
    ASSERT_EQ(row.expected.size(), kStates.size());
    for (std::size_t i = 0; i < kStates.size(); ++i) {
      SCOPED_TRACE(kStates[i] + " × " + row.event);
      Bench b = in_state(kStates[i]);
      ASSERT_EQ(b.state_of(1), kStates[i]);
      prevent_launch(b);
      row.act(b);
      EXPECT_EQ(seen(b), row.expected[i]);
      EXPECT_EQ(b.state.index.live.contains(JobId{1}), !is_terminal(b.job(1).state));
    }
  }
}

TEST(Transitions, ReportsOfOlderAttempts_AreCounted) {
  for (const std::string& state : kStates) {
    Bench b = in_state(state);
    const std::uint64_t before = b.state.dropped_stale;
    b.report("a", wire::RankNotice{{1}, {0}, 0, "late"});
    b.ended("a", 1, 0, Outcome::kSucceeded);
    EXPECT_EQ(b.state.dropped_stale, before + 2) << state;
  }
}

TEST(Transitions, StaleCommitOfReplacedStep_IsVoid) {
  Bench b = in_state("running");
  b.committed(1, 1, 2);
  b.committed(1, 0, 2, true, "older");
  EXPECT_EQ(b.job(1).checkpoints.at(2).first.digest, "d2");
  EXPECT_EQ(b.state.dropped_stale, 1u);
}

}  // namespace
}  // namespace tagalign::core
