/// What leaves the live state, and what is still known of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coordinator/core/archive.h"
#include "tests/unit/core/world.h"

namespace tagalign::core {
namespace {

using testing::Contains;
using testing::IsEmpty;
using wire::Outcome;

wire::EvaluationResult result_of(const std::string& key, std::uint64_t counted = 1) {
  wire::EvaluationResult result;
  result.key = key;
  result.classes = {"sky"};
  result.intersect = {counted};
  result.union_ = {9};
  return result;
}

/// One agent; at most two ended jobs are kept, an hour after they ended.
Bench bench() {
  Bench b;
  b.mind.policy.ended_jobs_kept = 2;
  b.join("a", 4);
  return b;
}

/// Submits a workflow of two jobs, the first of which reports a result, and ends it.
void run_workflow(Bench& b, const std::string& key) {
  const std::uint64_t first = next_job_id(b.state).value;
  b.submit({make_job("one"), make_job("two")});
  b.report("a", wire::ResultReported{{first}, {1}, result_of(key)});
  for (const std::uint64_t job : {first, first + 1}) b.ended("a", job, 1, Outcome::kSucceeded);
}

void pass_an_hour(Bench& b) {
  b.now += b.mind.policy.archive_after_ms;
  b.give(TimePassed{});
}

TEST(Archive, MoreEndedJobsThanAreKept_TheOldestWorkflowLeavesAfterItsTime) {
  Bench b = bench();
  run_workflow(b, "k1");
  run_workflow(b, "k2");
  EXPECT_EQ(b.state.workflows.size(), 2u) << "too young";
  pass_an_hour(b);
  EXPECT_EQ(b.state.workflows.size(), 1u) << "the other is within what is kept";
  EXPECT_EQ(b.state.jobs.begin()->first, JobId{3});
  EXPECT_EQ(b.state.archive.workflows.at({1}).jobs, 2u);
  EXPECT_EQ(b.state.archive.results.at("k1").job, JobId{1});
  EXPECT_FALSE(b.state.results.contains("k1"));
  EXPECT_TRUE(b.state.results.contains("k2"));
}

TEST(Archive, WorkflowWithALiveJob_Stays) {
  Bench b = bench();
  b.submit({make_job("one"), make_job("two"), make_job("three"), make_job("large", "train", 9)});
  for (const std::uint64_t job : {1, 2, 3}) b.ended("a", job, 1, Outcome::kSucceeded);
  pass_an_hour(b);
  EXPECT_EQ(b.state.jobs.size(), 4u);
}

TEST(Archive, JobThatWasTriedAgain_KeepsItsWorkflow) {
  Bench b = bench();
  b.submit({make_job("one"), make_job("two"), make_job("three")});
  for (const std::uint64_t job : {1, 2}) b.ended("a", job, 1, Outcome::kSucceeded);
  b.ended("a", 3, 1, Outcome::kFailed, 1, 93);
  b.give(JobChangeAsked{{3}, wire::JobVerb::kRequeue, {}, {}, {}});
  pass_an_hour(b);
  EXPECT_EQ(b.state.jobs.size(), 3u);
  b.ended("a", 3, 2, Outcome::kSucceeded);
  pass_an_hour(b);
  EXPECT_THAT(b.state.jobs, IsEmpty());
}

TEST(Archive, NumbersOfWhatLeft_AreNotGivenAgain) {
  Bench b = bench();
  b.mind.policy.ended_jobs_kept = 0;
  run_workflow(b, "k1");
  pass_an_hour(b);
  ASSERT_THAT(b.state.jobs, IsEmpty());
  b.submit({make_job("next")});
  EXPECT_THAT(b.effects, Contains("launch 3.1@a"));
  EXPECT_EQ(b.state.workflows.begin()->first, WorkflowId{2});
}

TEST(Archive, ResultOfAnArchivedKey_IsLiveAgainWhereItSaysTheSame) {
  Bench b = bench();
  b.mind.policy.ended_jobs_kept = 0;
  run_workflow(b, "k1");
  pass_an_hour(b);
  b.submit({make_job("again")});
  b.report("a", wire::ResultReported{{3}, {1}, result_of("k1", 2)});
  EXPECT_EQ(b.state.conflicting_results, 1u) << "other counts under a known key";
  EXPECT_THAT(b.state.results, IsEmpty()) << "the first of a key stays";
  b.report("a", wire::ResultReported{{3}, {1}, result_of("k1")});
  EXPECT_EQ(b.state.conflicting_results, 1u);
  EXPECT_THAT(b.state.archive.results, IsEmpty());
  EXPECT_THAT(b.state.results.at("k1").workflows,
              testing::ElementsAre(WorkflowId{1}, WorkflowId{2}));
}

TEST(Archive, ResultThatALiveWorkflowReportedToo_StaysWhole) {
  Bench b = bench();
  run_workflow(b, "k1");
  b.submit({make_job("large", "train", 9), make_job("same")});
  b.report("a", wire::ResultReported{{4}, {1}, result_of("k1")});
  b.ended("a", 4, 1, Outcome::kSucceeded);
  pass_an_hour(b);
  EXPECT_FALSE(b.state.workflows.contains({1}));
  EXPECT_TRUE(b.state.results.contains("k1"));
  b.give(CancelRequested{{3}});
  run_workflow(b, "k2");
  pass_an_hour(b);
  EXPECT_TRUE(b.state.archive.results.contains("k1")) << "until nobody live has it";
}

TEST(Archive, Templates_KeepTheirNumbers) {
  Bench b = bench();
  b.mind.policy.ended_jobs_kept = 0;
  wire::JobSpec scores = make_job("scores", "evaluate");
  scores.on_commit_of = "train";
  b.submit({make_job("train"), scores});
  b.committed(1, 1, 10);
  b.ended("a", 1, 1, Outcome::kSucceeded);
  b.ended("a", 2, 1, Outcome::kSucceeded);
  pass_an_hour(b);
  ASSERT_THAT(b.state.jobs, IsEmpty());
  b.submit({make_job("train"), scores, make_job("report", "scenes", 1, {"scores"})});
  b.committed(3, 1, 10, true, "other");
  EXPECT_EQ(b.state.jobs.at({5}).spec.name, "scores@10");
  EXPECT_EQ(b.state.templates.size(), 2u);
  b.ended("a", 3, 1, Outcome::kSucceeded);
  b.ended("a", 5, 1, Outcome::kSucceeded);
  EXPECT_EQ(b.state_of(4), "starting") << "it came after the second template";
}

TEST(Archive, IndexBesideIt_IsTheOneThatIsBuiltAnew) {
  Bench b = bench();
  for (const char* key : {"k1", "k2", "k3"}) run_workflow(b, key);
  pass_an_hour(b);
  State rebuilt = b.state;
  build_index(rebuilt);
  EXPECT_EQ(b.state.index.over, rebuilt.index.over);
  EXPECT_EQ(b.state.index.over_since, rebuilt.index.over_since);
  EXPECT_EQ(b.state.index.live_of, rebuilt.index.live_of);
  EXPECT_EQ(b.state.index.results_of, rebuilt.index.results_of);
  EXPECT_EQ(b.state.index.durations, rebuilt.index.durations);
  EXPECT_EQ(b.state.index.jobs_of, rebuilt.index.jobs_of);
  EXPECT_EQ(b.state.index.tokens, rebuilt.index.tokens);
}

TEST(Archive, SubmissionThatIsRepeated_IsNotTakenAgain) {
  Bench b = bench();
  b.mind.policy.ended_jobs_kept = 0;
  run_workflow(b, "k1");
  pass_an_hour(b);
  ASSERT_THAT(b.state.jobs, IsEmpty());
  b.give(WorkflowSubmitted{"token0", make_workflow({make_job("one")})});
  EXPECT_THAT(b.state.jobs, IsEmpty());
  EXPECT_EQ(archived_submission(b.state, "token0"), WorkflowId{1});
  EXPECT_EQ(find_submission(b.state, "token0"), nullptr);
}

TEST(Archive, ReportOfAJobThatLeft_IsStale) {
  Bench b = bench();
  b.mind.policy.ended_jobs_kept = 0;
  run_workflow(b, "k1");
  pass_an_hour(b);
  b.join("a", 4, {{{1}, {1}}});
  EXPECT_THAT(b.effects, Contains("kill 1.1@a")) << "should it still run, it is over";
  b.ended("a", 1, 1, Outcome::kFailed);
  EXPECT_EQ(b.state.dropped_stale, 1u);
}

}  // namespace
}  // namespace tagalign::core
