#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/core/world.h"

namespace tagalign::core {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using wire::Outcome;

wire::JobSpec make_template(std::string name, std::string source) {
  wire::JobSpec spec = make_job(std::move(name), "evaluate");
  spec.on_commit_of = std::move(source);
  return spec;
}

void expect_refused(std::vector<wire::JobSpec> jobs, const std::string& why) {
  const Status status = validate(make_workflow(std::move(jobs)));
  EXPECT_EQ(status.code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(status.message(), HasSubstr(why));
}

TEST(Validate, GoodWorkflow_IsAccepted) {
  const auto status = validate(make_workflow({make_job("train"), make_template("evaluate", "train"),
                                              make_job("report", "scenes", 1, {"evaluate"})}));
  EXPECT_TRUE(status.ok()) << status.to_string();
}

TEST(Validate, BadWorkflows_AreRefusedByJobName) {
  expect_refused({}, "needs 1 to");
  expect_refused({make_job("Train")}, "job 'Train'");
  expect_refused({make_job("a"), make_job("a")}, "used twice");
  expect_refused({make_job("a", "train", 0)}, "ranks must be 1 to");
  expect_refused({make_job("a", "train", 1, {"b"})}, "after names 'b'");
  expect_refused({make_template("e", "t")}, "on_commit_of names 't'");
  expect_refused({make_job("t"), make_template("e", "t"), make_template("f", "e")}, "runs once");
  expect_refused({make_job("a", "train", 1, {"b"}), make_job("b", "train", 1, {"a"})}, "circle");
  expect_refused({make_job("t", "train", 1, {"e"}), make_template("e", "t")}, "circle");
}

TEST(Submit, RepeatedToken_IsTheSameWorkflow) {
  Bench b;
  b.give(WorkflowSubmitted{"x", make_workflow({make_job("a")})});
  b.give(WorkflowSubmitted{"x", make_workflow({make_job("a")})});
  EXPECT_EQ(b.state.jobs.size(), 1u);
  ASSERT_NE(find_submission(b.state, "x"), nullptr);
}

TEST(Submit, FreeSlots_LaunchesAtOnceAndOnlyThat) {
  Bench b;
  b.join("a", 1);
  b.submit({make_job("one"), make_job("two")});
  EXPECT_THAT(b.effects, ElementsAre("launch 1.1@a"));
}

TEST(Scheduler, AgentThatShutsDown_GetsNoLaunchThatItWouldRefuse) {
  Bench b;
  b.join("a", 1);
  b.submit({make_job("one"), make_job("two")});
  b.join("a", 0, {{JobId{1}, Attempt{1}}});  // what an agent says when it is told to end
  b.ended("a", 1, 1, Outcome::kSavedAndLeft);
  EXPECT_THAT(b.effects, ElementsAre("ack 1@a"));
  EXPECT_EQ(b.state_of(2), "queued");
  b.join("a", 1, {}, "i2");
  EXPECT_THAT(b.effects, ElementsAre("launch 2.1@a"));
}

TEST(Scheduler, GangThatDoesNotFit_IsPassedAndExplained) {
  Bench b;
  b.join("a", 2);
  b.submit({make_job("big", "train", 8), make_job("small")});
  EXPECT_THAT(b.effects, ElementsAre("launch 2.1@a"));
  EXPECT_THAT(explain(b.state, {1}, b.now),
              Contains(HasSubstr("needs 8 slots; the largest agent has 2")));
  b.join("b", 8);
  EXPECT_THAT(b.effects, ElementsAre("launch 1.1@b"));
}

TEST(Dependencies, FailedJob_CancelsThoseAfterItByName) {
  Bench b;
  b.join("a");
  b.submit({make_job("one"), make_job("two", "train", 1, {"one"}),
            make_job("three", "train", 1, {"two"})});
  b.ended("a", 1, 1, Outcome::kFailed, 0, 93);
  EXPECT_EQ(b.state_of(3), "cancelled");
  EXPECT_THAT(std::get<Cancelled>(b.job(2).state).reason, HasSubstr("'one' (job 1), which failed"));
}

TEST(Templates, ScheduledCommits_AreInstantiatedOncePerDigest) {
  Bench b;
  b.join("a", 1);
  b.submit({make_job("train"), make_template("evaluate", "train"),
            make_job("report", "scenes", 1, {"evaluate"})});
  b.committed(1, 1, 10);
  b.committed(1, 1, 10);
  b.committed(1, 1, 11, false);
  ASSERT_EQ(b.state.jobs.size(), 3u);
  EXPECT_EQ(b.job(3).spec.name, "evaluate@10");
  EXPECT_THAT(b.job(3).spec.overrides, ElementsAre("checkpoint=/c/10"));
  b.ended("a", 1, 1, Outcome::kSucceeded);
  EXPECT_THAT(b.effects, Contains("launch 3.1@a")) << "the report waits for the instance";
  EXPECT_EQ(b.state_of(2), "queued");
  b.ended("a", 3, 1, Outcome::kSucceeded);
  EXPECT_THAT(b.effects, Contains("launch 2.1@a"));
}

TEST(Retry, SameStepTwice_StopsTheJob) {
  Bench b;
  b.join("a");
  b.submit({make_job("one")});
  b.ended("a", 1, 1, Outcome::kFailed, 7);
  EXPECT_THAT(b.effects, Contains("launch 1.2@a"));
  b.ended("a", 1, 2, Outcome::kFailed, 7);
  EXPECT_THAT(std::get<Failed>(b.job(1).state).reason, HasSubstr("twice at step 7"));
}

TEST(Retry, ProgramFailures_EndWithTheBudget) {
  Bench b;
  b.join("a");
  b.submit({make_job("one")});
  for (std::uint32_t attempt = 1; attempt <= 4; ++attempt)
    b.ended("a", 1, attempt, Outcome::kFailed, attempt);
  EXPECT_THAT(std::get<Failed>(b.job(1).state).reason, HasSubstr("3 retries"));
}

/// Field case disk-full-ends-job: it ended the job within seconds, as a fault of the program.
TEST(Retry, FullDiskAtOneStep_WaitsInMinutesAndChargesNothing) {
  Bench b;
  b.join("a");
  b.submit({make_job("one")});
  std::int64_t wait_ms = limits::kPlaceBackOffMsMin;
  for (std::uint32_t attempt = 1; attempt <= 8; ++attempt) {
    b.ended("a", 1, attempt, Outcome::kFailed, 6, 74);
    ASSERT_EQ(b.state_of(1), "queued");
    EXPECT_EQ(std::get<Queued>(b.job(1).state).not_before_ms, b.now + wait_ms);
    EXPECT_EQ(b.job(1).program_failures, 0);
    b.now += wait_ms;
    b.give(TimePassed{});
    ASSERT_EQ(b.state_of(1), "starting");
    wait_ms = std::min(2 * wait_ms, limits::kPlaceBackOffMsMax);
  }
}

TEST(Retry, FullDiskForEver_EndsWithTheLimitOfStalledFailures) {
  Bench b;
  b.join("a");
  b.submit({make_job("one")});
  for (std::uint32_t attempt = 1; attempt <= limits::kStalledRetriesMax + 1; ++attempt) {
    b.ended("a", 1, attempt, Outcome::kLaunchFailed, 0, 74);
    b.now += limits::kPlaceBackOffMsMax;
    b.give(TimePassed{});
  }
  EXPECT_THAT(std::get<Failed>(b.job(1).state).reason, HasSubstr("without a new checkpoint"));
}

TEST(Explain, JobThatWaitsForADisk_SaysWhatWasFull) {
  Bench b;
  b.join("a");
  b.submit({make_job("one")});
  b.report("a", wire::AttemptEnded{.job = {1},
                                   .attempt = {1},
                                   .outcome = Outcome::kFailed,
                                   .exit_code = 74,
                                   .message = "write /w/x: No space left on device",
                                   .at_ms = b.now});
  EXPECT_EQ(explain(b.state, {1}, b.now).front(),
            "starts again in 1 min 0 s: write /w/x: No space left on device");
}

TEST(Retry, InfrastructureWithProgress_IsFree) {
  Bench b;
  b.join("a");
  b.submit({make_job("one")});
  for (std::uint32_t attempt = 1; attempt <= 20; ++attempt) {
    b.committed(1, attempt, attempt);
    b.ended("a", 1, attempt, Outcome::kRankKilled);
    ASSERT_EQ(b.state_of(1), "starting");
  }
}

TEST(Retry, InfrastructureWithoutProgress_EndsWithTheLimit) {
  Bench b;
  b.join("a");
  b.submit({make_job("one")});
  b.committed(1, 1, 100);
  for (std::uint32_t attempt = 1; attempt <= limits::kStalledRetriesMax; ++attempt) {
    b.ended("a", 1, attempt, Outcome::kRankKilled, 100 + attempt);
    b.now += limits::kRetryBackOffMsMax;
    b.give(TimePassed{});
    ASSERT_EQ(b.state_of(1), "starting");
  }
  b.ended("a", 1, limits::kStalledRetriesMax + 1, Outcome::kRankKilled, 7);
  EXPECT_THAT(std::get<Failed>(b.job(1).state).reason, HasSubstr("without a new checkpoint"));
}

TEST(Retry, KilledAtOneStepAgainAndAgain_StopsTheJobSooner) {
  Bench b;
  b.join("a");
  b.submit({make_job("one")});
  b.ended("a", 1, 1, Outcome::kRankKilled, 8);
  for (std::uint32_t attempt = 2; attempt <= limits::kSameStepKillsMax + 1; ++attempt) {
    b.ended("a", 1, attempt, Outcome::kRankKilled, 9);
    b.now += limits::kRetryBackOffMsMax;
    b.give(TimePassed{});
    ASSERT_EQ(b.state_of(1), "starting");
  }
  b.ended("a", 1, limits::kSameStepKillsMax + 2, Outcome::kRankKilled, 9);
  EXPECT_THAT(std::get<Failed>(b.job(1).state).reason, HasSubstr("in a row at step 9"));
}

TEST(Retry, LaunchFailure_WaitsBeforeItTriesAgain) {
  Bench b;
  b.join("a");
  b.submit({make_job("one")});
  b.ended("a", 1, 1, Outcome::kLaunchFailed);
  EXPECT_EQ(b.state_of(1), "queued");
  ASSERT_EQ(next_deadline(b.mind, b.state), b.now + limits::kLaunchRetryMs);
  b.now += limits::kLaunchRetryMs;
  b.give(TimePassed{});
  EXPECT_THAT(b.effects, ElementsAre("launch 1.2@a"));
}

TEST(Reports, RepeatGapAndStranger_AreAnsweredButNotTaken) {
  Bench b;
  b.join("a");
  b.submit({make_job("one")});
  const wire::RankNotice notice{{1}, {1}, 0, "n"};
  b.report("a", notice);
  b.give(AgentReported{{"a"}, {{1, notice}}});
  EXPECT_THAT(b.effects, ElementsAre("ack 1@a"));
  b.give(AgentReported{{"a"}, {{3, notice}}});
  EXPECT_THAT(b.effects, ElementsAre("hello@a"));
  b.give(AgentReported{{"b"}, {{1, notice}}});
  EXPECT_THAT(b.effects, ElementsAre("hello@b"));
  EXPECT_EQ(b.job(1).notices.size(), 1u);
}

TEST(Results, EqualKey_FirstStaysAndConflictIsCounted) {
  Bench b;
  b.join("a");
  b.submit({make_job("one", "evaluate")});
  wire::EvaluationResult result;
  result.key = "k";
  result.images = 5;
  b.report("a", wire::ResultReported{{1}, {1}, result});
  b.report("a", wire::ResultReported{{1}, {1}, result});
  EXPECT_EQ(b.state.conflicting_results, 0u);
  result.images = 6;
  b.report("a", wire::ResultReported{{1}, {1}, result});
  EXPECT_EQ(b.state.conflicting_results, 1u);
  EXPECT_EQ(b.state.results.at("k").result.images, 5u);
  EXPECT_THAT(b.job(1).notices, ElementsAre(HasSubstr("other pixels than job 1 for the same key")));
}

TEST(Results, KeyOfARepeatedWorkflow_BelongsToBoth) {
  const auto play = [](Bench& b) {
    b.join("a");
    b.submit({make_job("one", "evaluate")});
    b.submit({make_job("one", "evaluate")});
    wire::EvaluationResult result;
    result.key = "k";
    b.report("a", wire::ResultReported{{1}, {1}, result});
    b.report("a", wire::ResultReported{{2}, {1}, result});
  };
  Bench b;
  play(b);
  EXPECT_THAT(b.state.results.at("k").workflows, ElementsAre(WorkflowId{1}, WorkflowId{2}));
  EXPECT_EQ(b.state.results.at("k").job, JobId{1});
  EXPECT_THAT(dump(b.state), HasSubstr("workflows=[1,2]"));
  Bench replayed;
  play(replayed);
  EXPECT_EQ(dump(replayed.state), dump(b.state));
}

TEST(Agents, ReturnAfterLoss_KillsTheStrayBeforeAnythingElse) {
  Bench b;
  b.join("a");
  b.submit({make_job("one")});
  b.give(AgentLost{{"a"}});
  EXPECT_EQ(b.state_of(1), "queued");
  b.join("a", 2, {{{1}, {1}}});
  EXPECT_THAT(b.effects, ElementsAre("kill 1.1@a", "launch 1.2@a"));
}

TEST(Explain, UnknownJob_SaysSo) {
  EXPECT_THAT(explain({}, {9}, 0), ElementsAre("there is no job 9"));
}

}  // namespace
}  // namespace tagalign::core
