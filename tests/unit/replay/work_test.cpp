/// Work as it is read from attempts and commits.
#include "coordinator/replay/work.h"

#include <gtest/gtest.h>

namespace tagalign::replay {
namespace {

using core::AttemptRecord;
using wire::Outcome;

AttemptRecord attempt(std::uint32_t number, UnixMs placed, UnixMs ran, UnixMs ended,
                      std::optional<Outcome> outcome) {
  AttemptRecord record;
  record.attempt = {number};
  record.started_ms = placed;
  record.ran_ms = ran;
  record.ended_ms = ended;
  record.outcome = outcome;
  return record;
}

/// Ran from 1,000; commits of 100 ms after steps 10 and 20; killed at 4,000; from step 20 on again.
core::Job killed_once() {
  core::Job job;
  job.attempt = {2};
  job.pace = {100, 90, 100, 30};
  job.attempts = {attempt(1, 500, 1'000, 4'000, Outcome::kRankKilled),
                  attempt(2, 5'000, 5'700, 7'000, Outcome::kSucceeded)};
  job.checkpoints[10] = {{10, "a", "a", true}, 2'100};
  job.checkpoints[20] = {{20, "b", "b", true}, 3'200};
  job.state = core::Succeeded{7'000};
  return job;
}

TEST(Work, OfAnInterruptedTraining_LeavesOutWhatWasRepeatedAndSaved) {
  const Work work = work_of(killed_once(), 9'000);
  ASSERT_EQ(work.commits.size(), 2u);
  EXPECT_EQ(work.commits[0].work_ms, 1'000);
  EXPECT_EQ(work.commits[1].work_ms, 2'000);
  EXPECT_EQ(work.total_ms, 3'300) << "2,000 were banked, 1,300 came after";
  EXPECT_EQ(work.start_ms, 700);
  ASSERT_TRUE(work.failures.contains({1}));
  EXPECT_EQ(work.failures.at({1}).after_ms, 3'000);
  EXPECT_TRUE(work.failures.at({1}).ran);
}

TEST(Work, OfAJobThatNeverEnded_HasNoTotal) {
  core::Job job = killed_once();
  job.attempts.pop_back();
  job.state = core::Failed{4'000, "lost"};
  const Work work = work_of(job, 9'000);
  EXPECT_EQ(work.total_ms, std::nullopt);
  EXPECT_EQ(work.reached_ms, 2'800);
}

TEST(Work, StepsBetweenCommits_LieOnALine) {
  const Work work = work_of(killed_once(), 9'000);
  EXPECT_EQ(step_at(work, 0), 0u);
  EXPECT_EQ(step_at(work, 1'500), 15u);
  EXPECT_EQ(step_at(work, 3'000), 30u) << "beyond the last as before it";
  EXPECT_EQ(work_at(work, 5), 500);
  EXPECT_EQ(work_at(work, 25), 2'500);
}

TEST(Work, WithCommitsEvery_KeepsTheLast) {
  const Work work = with_commits_every(work_of(killed_once(), 9'000), 8);
  std::vector<std::uint64_t> steps;
  for (const Commit& commit : work.commits) steps.push_back(commit.step);
  EXPECT_EQ(steps, (std::vector<std::uint64_t>{8, 16, 20, 24, 32})) << "up to 3,300 ms of work";
  EXPECT_EQ(work.commits[0].work_ms, 800);
  EXPECT_EQ(work.commits[3].work_ms, 2'400);
}

}  // namespace
}  // namespace tagalign::replay
