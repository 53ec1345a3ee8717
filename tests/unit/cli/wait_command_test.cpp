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
