#include "coordinator/cli/talk/follow.h"
#include "tests/unit/cli/fake_host.h"

namespace tagalign::cli {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using wire::ClientRequest;
using wire::JobsReply;
using wire::JobsRequest;
using wire::JobSummary;

TEST_F(CommandLine, WaitForAWorkflowOfSeveralPages_AsksForAllOfThem) {
  coordinator.answer = [](const ClientRequest& request) -> Answer {
    const auto& asked = std::get<JobsRequest>(request);
    if (asked.after.value >= 2) return JobsReply{};
    if (asked.after.value == 0) return JobsReply{{job(1, "clip", "succeeded")}, 0, true};
    return JobsReply{{job(2, "scores", "failed")}, 0, false};
  };
  EXPECT_EQ(run({"wait", "demo"}), 1);
  EXPECT_THAT(err.str(), HasSubstr("scores"));
}

/// What is left open is asked for by number, and what a checkpoint adds by the numbers above.
TEST_F(CommandLine, Wait_AsksOnlyForWhatHasNotEnded_AndForNewcomers) {
  int looks = 0;
  std::vector<JobsRequest> asked;
  coordinator.answer = [&](const ClientRequest& request) -> Answer {
    asked.push_back(std::get<JobsRequest>(request));
    if (!asked.back().name.empty())
      return JobsReply{{job(1, "clip", "succeeded"), job(2, "train", "running")}, 0, false};
    if (asked.back().jobs.empty()) {
      return ++looks == 1 ? JobsReply{{job(3, "scores", "queued")}, 0, false} : JobsReply{};
    }
    JobsReply reply;
    for (const JobId id : asked.back().jobs) {
      reply.jobs.push_back(
          job(id.value, "any", looks == 0 && id.value == 2 ? "running" : "succeeded"));
    }
    return reply;
  };
  EXPECT_EQ(run({"wait", "demo"}), 0);
  ASSERT_EQ(asked.size(), 5u);
  EXPECT_THAT(asked[1].jobs, ElementsAre(JobId{1}, JobId{2}));
  EXPECT_EQ(asked[2].after, JobId{2});
  EXPECT_THAT(asked[3].jobs, ElementsAre(JobId{2}, JobId{3}));
  EXPECT_EQ(asked[4].after, JobId{3});
}

TEST_F(CommandLine, WaitForAQueuedJob_SaysItsReasonWheneverItsWordsChange) {
  const std::vector<std::string> reasons = {"looked up", "clip is at step 1", "clip is at step 2",
                                            "waits for 2 free slots on one agent"};
  std::size_t looks = 0;
  coordinator.answer = [&](const ClientRequest& request) -> Answer {
    const auto& asked = std::get<JobsRequest>(request);
    if (asked.jobs.empty() && asked.name.empty()) return JobsReply{};
    auto summary = job(1, "scores", looks < reasons.size() ? "queued" : "succeeded");
    if (looks < reasons.size()) summary.reason = reasons[looks];
    ++looks;
    return JobsReply{{summary}, 0, false};
  };
  EXPECT_EQ(run({"wait", "demo"}), 0);
  EXPECT_THAT(err.str(), AllOf(HasSubstr("clip is at step 1"), Not(HasSubstr("step 2")),
                               HasSubstr("waits for 2 free slots")));
}

wire::StatusReply nodes(const std::vector<int>& slots) {
  wire::StatusReply status;
  for (const int count : slots) {
    wire::AgentSummary agent;
    agent.connected = true;
    agent.slots = count;
    agent.state = "connected";
    status.agents.push_back(agent);
  }
  return status;
}

/// A workflow of one look after the other; the last look stays.
std::function<Answer(const ClientRequest&)> looks_at(std::vector<std::vector<JobSummary>> looks,
                                                     wire::StatusReply status) {
  auto count = std::make_shared<std::size_t>(0);
  return [=](const ClientRequest& request) -> Answer {
    if (std::holds_alternative<wire::StatusRequest>(request)) return status;
    const auto& asked = std::get<JobsRequest>(request);
    if (asked.after.value > 0) return JobsReply{};
    return JobsReply{looks[std::min((*count)++, looks.size() - 1)], 0, false};
  };
}

JobSummary sized(JobSummary job, int slots, std::uint32_t attempt = 0) {
  job.slots = slots;
  job.attempt = Attempt{attempt};
  return job;
}

/// Field case slurm-srun-cpus-per-task, its second half: the allocation would be spent on waiting.
TEST_F(CommandLine, WaitForAgents_JobThatAllOfThemCannotHold_EndsWith93) {
  coordinator.answer = looks_at(
      {{sized(job(1, "p", "queued"), 2), sized(job(2, "after it", "queued"), 1)}}, nodes({1}));
  EXPECT_EQ(run({"wait", "--agents", "1"}), 93);
  EXPECT_THAT(err.str(), HasSubstr("job 'p' needs 2 slots, and all agents that come (1) have 1"));
}

TEST_F(CommandLine, WaitForAgents_ThatHaveRoomTogether_Waits) {
  coordinator.answer = looks_at({{sized(job(1, "p", "queued"), 2)}}, nodes({1, 1}));
  EXPECT_EQ(run({"wait", "--agents", "2", "--timeout", "60"}), 3);
}

TEST_F(CommandLine, WaitForAgents_ThatAreNotAllThereYet_Waits) {
  coordinator.answer = looks_at({{sized(job(1, "p", "queued"), 4)}}, nodes({1, 1}));
  EXPECT_EQ(run({"wait", "--agents", "3", "--timeout", "60"}), 3);
}

TEST_F(CommandLine, WaitForAgents_WhileOthersRunOrRestAfterAnAttempt_Waits) {
  for (const auto& other :
       {sized(job(2, "other", "running"), 1, 1), sized(job(2, "other", "queued"), 1, 1)}) {
    coordinator.answer = looks_at({{sized(job(1, "p", "queued"), 4), other}}, nodes({1}));
    EXPECT_EQ(run({"wait", "--agents", "1", "--timeout", "60"}), 3) << other.state;
  }
}

TEST_F(CommandLine, WaitForAgents_ThatLeave_EndsNothing) {
  auto status = nodes({4});
  status.agents[0].slots = 0;
  status.agents[0].state = "leaving";
  coordinator.answer = looks_at({{sized(job(1, "p", "queued"), 4, 1)}}, status);
  EXPECT_EQ(run({"wait", "--agents", "1", "--timeout", "60"}), 3);
}

TEST_F(CommandLine, WaitWithTimeout_ExitsWithThreeAndNamesWhatIsOpen) {
  coordinator.answer = [](const ClientRequest&) -> Answer {
    return JobsReply{{job(1, "scenes", "succeeded"), job(2, "clip", "running")}, 0, false};
  };
  EXPECT_EQ(run({"wait", "--timeout", "5"}), 3);
  EXPECT_THAT(err.str(), HasSubstr("not finished after 5.0 s: clip (running); the jobs go on"));
}

TEST_F(CommandLine, WaitWithoutTarget_DoesNotBlameJobsThatFailedBefore) {
  coordinator.answer = [](const ClientRequest& request) -> Answer {
    if (std::get<JobsRequest>(request).after.value > 0) return JobsReply{};
    return JobsReply{{job(1, "old", "failed")}, 0, false};
  };
  EXPECT_EQ(run({"wait"}), 0);
  EXPECT_EQ(run({"wait", "old"}), 1);
}

TEST_F(CommandLine, WaitWhileTheCoordinatorRestarts_GoesOn) {
  int calls = 0;
  coordinator.answer = [&](const ClientRequest&) -> Answer {
    ++calls;
    if (calls > 2 && calls < 20) return unavailable("gone");
    return JobsReply{{job(1, "clip", calls < 20 ? "running" : "succeeded")}, 0, false};
  };
  EXPECT_EQ(run({"wait", "demo"}), 0);
  EXPECT_THAT(err.str(),
              AllOf(HasSubstr("does not answer; asking again"), HasSubstr("answers again")));
}

TEST_F(CommandLine, WaitForACoordinatorThatStaysAway_ExitsWithFourAfterAMinute) {
  int calls = 0;
  coordinator.answer = [&](const ClientRequest&) -> Answer {
    if (++calls > 2) return unavailable("gone");
    return JobsReply{{job(1, "clip", "running")}, 0, false};
  };
  const UnixMs start = clock.unix_ms();
  EXPECT_EQ(run({"wait", "clip"}), 4);
  EXPECT_GE(clock.unix_ms() - start, kAwayMsMax);
  EXPECT_LT(clock.unix_ms() - start, kAwayMsMax + 2'000);
}

TEST(ProgressLine, RunningJob_ShowsAttemptStepsAndActivity) {
  JobSummary summary = job(1, "tagalign", "running");
  summary.attempt = Attempt{2};
  summary.step = 40;
  summary.steps_total = 120;
  summary.activity = "loss 3.21";
  EXPECT_EQ(progress_line(summary),
            "tagalign         running    attempt 2  step 40/120  loss 3.21");
}

}  // namespace
}  // namespace tagalign::cli
