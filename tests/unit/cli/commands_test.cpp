#include <cstdlib>
#include <nlohmann/json.hpp>

#include "configs/schema/reading/load.h"
#include "coordinator/cli/talk/follow.h"
#include "coordinator/cli/talk/log_tail.h"
#include "tests/unit/cli/fake_host.h"

namespace tagalign::cli {
namespace {

/// Of a workflow that was handed in with the state folder "/s".
std::string workspace(const std::string& name) {
  return (Path("/s") / "work" / name).string();
}

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
using wire::ClientRequest;
using wire::JobsReply;
using wire::JobsRequest;
using wire::JobSummary;

std::string config(const std::string& name) {
  return std::string(std::getenv("TAGALIGN_SOURCE")) + "/configs/" + name;
}

// ---------------------------------------------------------------- global options

TEST_F(CommandLine, WithoutArguments_PrintsItsHelp) {
  EXPECT_EQ(run({}), 0);
  EXPECT_THAT(out.str(), HasSubstr("tagalign submit configs/demo.yml --wait"));
}

TEST_F(CommandLine, AWrongCommand_ExitsWithUsage) {
  EXPECT_EQ(run({"--output", "json"}), 2);

  EXPECT_EQ(run({"sumbit"}), 2);
  EXPECT_EQ(run({"jobs", "--colour"}), 2);
  EXPECT_EQ(run({"--output", "xml", "jobs"}), 2);
  EXPECT_EQ(run({"job", "show"}), 2);
  EXPECT_THAT(err.str(), HasSubstr("ID is required"));
  EXPECT_EQ(run({"coordinator", "start", "--slots", "0"}), 2);
}

TEST_F(CommandLine, VersionAndHelp_ExitWithZero) {
  EXPECT_EQ(run({"--version"}), 0);
  EXPECT_THAT(out.str(), StartsWith("tagalign "));
  EXPECT_EQ(run({"--help"}), 0);
  EXPECT_THAT(out.str(), HasSubstr("tagalign submit configs/demo.yml --wait"));
  for (const std::string command :
       {"submit", "jobs", "wait", "checkpoints", "results", "doctor", "agent"}) {
    EXPECT_EQ(run({command, "--help"}), 0);
    EXPECT_THAT(out.str(), HasSubstr("Example")) << command;
  }
}

TEST_F(CommandLine, StateFolder_IsTakenFromOptionThenEnvironmentThenHome) {
  run({"jobs"});
  EXPECT_EQ(state_folder, "/home/ada/.local/state/tagalign");
  environment["XDG_STATE_HOME"] = "/xdg";
  run({"jobs"});
  EXPECT_EQ(state_folder, "/xdg/tagalign");
  environment["TAGALIGN_STATE"] = "/env";
  run({"jobs"});
  EXPECT_EQ(state_folder, "/env");
  run({"--state", "/opt/x", "jobs"});
  EXPECT_EQ(state_folder, "/opt/x");
  run({"jobs", "--state", "/opt/y"});
  EXPECT_EQ(state_folder, "/opt/y");
}

TEST_F(CommandLine, UnreachableCoordinator_ExitsWithFour) {
  EXPECT_EQ(run({"jobs"}), 4);
  EXPECT_EQ(err.str(), "tagalign: no coordinator runs\n");
  EXPECT_EQ(out.str(), "");
}

TEST_F(CommandLine, Refusal_ShowsItsMessage) {
  coordinator.answer = [](const ClientRequest&) -> Answer {
    return wire::ErrorReply{"permission-denied", "this key may not submit"};
  };
  EXPECT_EQ(run({"jobs"}), 2);
  EXPECT_EQ(err.str(), "tagalign: this key may not submit\n");
}

// ---------------------------------------------------------------- submit

TEST_F(CommandLine, SubmitDryRun_PrintsConfigurationsAndCommandsAndAsksNobody) {
  EXPECT_EQ(run({"--state", "/s", "submit", config("demo.yml"), "--dry-run", "--set",
                 "jobs.tagalign.config.steps=200"}),
            0)
      << err.str();
  EXPECT_THAT(out.str(),
              AllOf(StartsWith("workflow demo in " + workspace("demo-01234567") + "\n"),
                    HasSubstr("# tagalign (train), after clip\n# mpirun -n 2 tagalign-worker\n"),
                    HasSubstr("steps: 200\n"),
                    HasSubstr("# scores (evaluate), for each checkpoint of tagalign\n"
                              "# mpirun -n 1 tagalign-worker checkpoint=CHECKPOINT\n")));
  EXPECT_TRUE(coordinator.requests.empty());
}

TEST_F(CommandLine, SubmitDryRun_ListsTheJobsOfASweep) {
  EXPECT_EQ(
      run({"--state", "/s", "submit", config("sweep.yml"), "--dry-run", "--set", "vars.data=/d",
           "--set", "vars.clip=/c", "--set", "vars.voc=/v", "--set",
           "jobs.tune.sweep.grid.optimizer.base_lr=[1e-3, 3e-4]", "--set", "jobs.scores.commits={}",
           "--set",
           "jobs.final={kind: evaluate, on_commit_of: tune, commits: {best: scores, dataset: "
           "voc}, config: {clip: {weights: w}, datasets: [{name: coco, root: r}]}}",
           "--set",
           "jobs.early={kind: scenes, after_commit: [tune.base_lr-0.001.layers-2@500], config: "
           "{validation: [{name: day}]}}"}),
      0)
      << err.str();
  EXPECT_THAT(out.str(),
              AllOf(HasSubstr("# tune.base_lr-0.001.layers-1 (train), at most 2 of tune at once\n"),
                    HasSubstr("# early (scenes), after the checkpoint "
                              "tune.base_lr-0.001.layers-2@500\n"),
                    HasSubstr("# final.base_lr-0.0003.layers-2 (evaluate), for the checkpoint of "
                              "tune.base_lr-0.0003.layers-2 with the best mIoU on voc by "
                              "scores.base_lr-0.0003.layers-2\n"),
                    HasSubstr("directory: checkpoints/tune.base_lr-0.0003.layers-2\n"),
                    HasSubstr("# scores.base_lr-0.0003.layers-2 (evaluate), for each checkpoint of "
                              "tune.base_lr-0.0003.layers-2\n")));
  EXPECT_TRUE(coordinator.requests.empty());
}

TEST_F(CommandLine, SubmitOfABadFile_NamesFileAndKeyAndAsksNobody) {
  EXPECT_EQ(run({"submit", config("demo.yml"), "--set", "jobs.clip.config.stesp=3"}), 2);
  EXPECT_THAT(err.str(),
              HasSubstr("unknown key in jobs.clip.config: 'stesp'; did you mean 'steps'?"));
  EXPECT_EQ(run({"submit", "/nowhere/demo.yml"}), 2);
  EXPECT_THAT(err.str(), HasSubstr("/nowhere/demo.yml"));
  EXPECT_TRUE(coordinator.requests.empty());
}

TEST_F(CommandLine, Submit_SendsEffectiveConfigurationsAndRepeatsWithTheSameToken) {
  int calls = 0;
  coordinator.answer = [&](const ClientRequest&) -> Answer {
    if (++calls == 1) return unavailable("lost");
    return wire::SubmitReply{WorkflowId{3}, {{"scenes", JobId{8}}}};
  };
  EXPECT_EQ(run({"submit", config("demo.yml"), "--workspace", "/w"}), 0) << err.str();
  EXPECT_THAT(out.str(), HasSubstr("jobs       8 scenes\n"));
  ASSERT_EQ(coordinator.requests.size(), 2u);
  for (const ClientRequest& request : coordinator.requests) {
    const auto& submitted = std::get<wire::SubmitRequest>(request);
    EXPECT_EQ(submitted.token, "0123456789abcdef");
    EXPECT_EQ(submitted.workflow.workspace, "/w");
    ASSERT_EQ(submitted.workflow.jobs.size(), 11u);
    EXPECT_EQ(submitted.workflow.jobs[2].kind, "train");
    EXPECT_EQ(submitted.workflow.jobs[3].on_commit_of, "tagalign");
    const auto& yaml = submitted.workflow.jobs[2].config_yaml;
    EXPECT_TRUE(config::parse_job_config<config::TrainConfig>(yaml, "sent").ok());
  }
}

TEST_F(CommandLine, SubmitWithAToken_SendsItInEveryRunAndNamesTheWorkspace) {
  coordinator.answer = [](const ClientRequest&) -> Answer {
    return wire::SubmitReply{WorkflowId{3}, {{"scenes", JobId{8}}}};
  };
  for (int again = 0; again < 2; ++again) {
    ASSERT_EQ(run({"--state", "/s", "submit", config("demo.yml"), "--token", "nightly-7"}), 0)
        << err.str();
  }
  ASSERT_EQ(coordinator.requests.size(), 2u);
  for (const ClientRequest& request : coordinator.requests) {
    const auto& submitted = std::get<wire::SubmitRequest>(request);
    EXPECT_EQ(submitted.token, "nightly-7");
    EXPECT_EQ(submitted.workflow.workspace, workspace("demo-nightly-7"));
  }
}

TEST_F(CommandLine, SubmitWithATokenThatIsNoName_IsAUsageError) {
  for (const std::string token : {"../x", "a b", ""}) {
    EXPECT_EQ(run({"submit", config("demo.yml"), "--token", token}), 2) << token;
    EXPECT_THAT(err.str(), HasSubstr("expected 1 to 64 letters, digits, '-' and '_'"));
  }
  EXPECT_TRUE(coordinator.requests.empty());
}

TEST_F(CommandLine, SubmitWait_ReturnsOneWhenAJobFails) {
  int polls = 0;
  coordinator.answer = [&](const ClientRequest& request) -> Answer {
    if (std::holds_alternative<wire::SubmitRequest>(request)) {
      return wire::SubmitReply{WorkflowId{1}, {{"scenes", JobId{1}}}};
    }
    const auto& asked = std::get<JobsRequest>(request);
    if (asked.after.value > 0) return JobsReply{};
    EXPECT_TRUE(asked.workflow == WorkflowId{1} || asked.jobs.size() == 2);
    JobSummary failed = job(2, "clip", "failed");
    failed.reason = "rank 1: no space";
    if (++polls < 3)
      return JobsReply{{job(1, "scenes", "running"), job(2, "clip", "queued")}, 0, false};
    return JobsReply{{job(1, "scenes", "succeeded"), failed}, 0, false};
  };
  EXPECT_EQ(run({"submit", config("demo.yml"), "--workspace", "/w", "--wait"}), 1);
  EXPECT_THAT(err.str(),
              AllOf(HasSubstr("scenes           running"), HasSubstr("scenes           succeeded"),
                    HasSubstr("clip             failed     rank 1: no space")));
}

// ---------------------------------------------------------------- jobs

TEST_F(CommandLine, Jobs_AreListedAsTableJsonAndNumbers) {
  coordinator.answer = [&](const ClientRequest&) -> Answer {
    JobSummary running = job(12, "tagalign", "running");
    running.step = 40;
    running.steps_total = 120;
    running.attempt = Attempt{2};
    running.started_ms = clock.unix_ms() - 12'400;
    running.activity = "loss 3.21";
    return JobsReply{{job(3, "scenes", "succeeded"), running}, 0, false};
  };
  EXPECT_EQ(run({"jobs"}), 0);
  EXPECT_EQ(
      out.str(),
      "ID  WORKFLOW  NAME      KIND   STATE      ATTEMPT  RANKS    STEP    TIME  DETAIL\n"
      " 3  demo      scenes    train  succeeded        0      2       0       -\n"
      "12  demo      tagalign  train  running          2      2  40/120  12.4 s  loss 3.21\n");
  EXPECT_EQ(run({"--output", "quiet", "jobs"}), 0);
  EXPECT_EQ(out.str(), "3\n12\n");
  EXPECT_EQ(run({"jobs", "--output", "json"}), 0);
  const auto json = nlohmann::json::parse(out.str());
  EXPECT_EQ(json[1]["step"], 40);
  EXPECT_EQ(json[1]["duration_ms"], 12'400);
  EXPECT_TRUE(json[0]["duration_ms"].is_null());
}

TEST_F(CommandLine, JobsThatAreNotShown_AreCounted) {
  JobsReply page{{job(12, "tagalign", "running")}, 3, true};
  coordinator.answer = [&](const ClientRequest& request) -> Answer {
    const auto& asked = std::get<JobsRequest>(request);
    EXPECT_EQ(asked.active_only, asked.after.value == 0);
    return page;
  };
  EXPECT_EQ(run({"jobs"}), 0);
  EXPECT_THAT(out.str(), HasSubstr("\n3 ended jobs are not shown: --all\n"
                                   "there are more: --after 12\n"));
  EXPECT_EQ(run({"--output", "quiet", "jobs"}), 0);
  EXPECT_EQ(out.str(), "12\n");
  EXPECT_THAT(err.str(), HasSubstr("3 ended jobs are not shown"));
  page = {};
  EXPECT_EQ(run({"jobs", "--all", "--after", "12", "--limit", "5"}), 0);
  EXPECT_EQ(out.str(), "no jobs; hand some in with: tagalign submit FILE\n");
  EXPECT_EQ(std::get<JobsRequest>(coordinator.requests.back()).limit, 5u);
}

TEST_F(CommandLine, Job_IsLookedUpByTheCoordinator) {
  coordinator.answer = [&](const ClientRequest&) -> Answer {
    return wire::ExplainReply{{"waits for slots"}};
  };
  EXPECT_EQ(run({"job", "explain", "clip"}), 0);
  EXPECT_EQ(out.str(), "waits for slots\n");
  EXPECT_THAT(coordinator.requests,
              ElementsAre(ClientRequest(wire::ExplainRequest{wire::JobRef("clip")})));
}

TEST_F(CommandLine, JobShow_LeavesOutWhatIsEmptyAndKeepsItInJson) {
  coordinator.answer = [&](const ClientRequest&) -> Answer {
    wire::JobReply reply;
    reply.summary = job(4, "clip", "running");
    reply.config_yaml = "steps: 1\n";
    reply.attempts.push_back({Attempt{1}, "n1", 1, 0, "", "", {{0, 71}, {1, 72}}});
    return reply;
  };
  EXPECT_EQ(run({"job", "show", "clip"}), 0);
  EXPECT_THAT(
      out.str(),
      AllOf(HasSubstr("attempts:     attempt 1 on n1: running (rank 0 pid 71, rank 1 pid 72)"),
            HasSubstr("config:\nsteps: 1\n"), Not(HasSubstr("notices"))));
  EXPECT_EQ(run({"job", "show", "clip", "--output", "json"}), 0);
  EXPECT_EQ(nlohmann::json::parse(out.str())["rank_pids"], (std::vector<std::string>{"71", "72"}));
}

TEST_F(CommandLine, JobLogFollow_PrintsEachByteOnceUntilTheEnd) {
  int polls = 0;
  coordinator.answer = [&](const ClientRequest& request) -> Answer {
    if (std::holds_alternative<wire::JobRequest>(request)) {
      wire::JobReply reply;
      reply.summary = job(4, "clip", ++polls < 3 ? "running" : "succeeded");
      return reply;
    }
    const std::vector<std::string> tails = {"a\n", "a\nb\n", "a\nb\nc\n"};
    return wire::JobLogReply{{{"rank-0.log", tails[static_cast<std::size_t>(polls - 1)]}}};
  };
  EXPECT_EQ(run({"job", "log", "clip", "--follow"}), 0);
  EXPECT_EQ(out.str(), "a\nb\nc\n");
}

/// A job whose state and log follow from the number of looks at it.
std::function<Answer(const ClientRequest&)> job_in_time(int& looks,
                                                        std::function<std::string(int)> state,
                                                        std::function<Answer(int)> log) {
  return [&looks, state, log](const ClientRequest& request) -> Answer {
    if (std::holds_alternative<wire::JobLogRequest>(request)) return log(looks);
    wire::JobReply reply;
    reply.summary = job(4, "clip", state(++looks));
    return reply;
  };
}

TEST_F(CommandLine, JobLogFollow_OfAQueuedJob_WaitsForItsLog) {
  int looks = 0;
  coordinator.answer = job_in_time(
      looks, [](int look) { return look < 3   ? "queued"
                                   : look < 6 ? "running"
                                              : "succeeded"; },
      [](int look) -> Answer {
        if (look < 5) return wire::ErrorReply{"not-found", "it has not started yet"};
        return wire::JobLogReply{{{"rank-0.log", "a\n"}}};
      });
  EXPECT_EQ(run({"job", "log", "clip", "--follow"}), 0) << err.str();
  EXPECT_EQ(out.str(), "a\n");
  EXPECT_EQ(err.str(), "");
  EXPECT_EQ(looks, 6);
}

TEST_F(CommandLine, JobLogFollow_OfAJobThatEndsWithoutALog_SaysSo) {
  int looks = 0;
  coordinator.answer = job_in_time(
      looks, [](int look) { return look < 3 ? "queued" : "cancelled"; },
      [](int) -> Answer {
        return wire::ErrorReply{"not-found", "it has not started yet"};
      });
  EXPECT_EQ(run({"job", "log", "clip", "--follow"}), 2);
  EXPECT_EQ(err.str(), "tagalign: it has not started yet\n");
}

TEST_F(CommandLine, JobLogFollow_WhileTheCoordinatorRestarts_GoesOn) {
  int looks = 0;
  coordinator.answer = job_in_time(
      looks, [](int look) { return look < 20 ? "running" : "succeeded"; },
      [](int look) -> Answer {
        if (look > 2 && look < 10) return unavailable("gone");
        return wire::JobLogReply{{{"rank-0.log", look < 10 ? "a\n" : "a\nb\n"}}};
      });
  EXPECT_EQ(run({"job", "log", "clip", "--follow"}), 0);
  EXPECT_EQ(out.str(), "a\nb\n");
  EXPECT_EQ(err.str(),
            "the coordinator does not answer; asking again (jobs run on without it)\n"
            "the coordinator answers again\n");
}

TEST_F(CommandLine, JobLogFollow_OfACoordinatorThatStaysAway_ExitsWithFourAfterAMinute) {
  int looks = 0;
  coordinator.answer = job_in_time(
      looks, [](int) { return "running"; }, [](int) -> Answer { return unavailable("gone"); });
  const UnixMs start = clock.unix_ms();
  EXPECT_EQ(run({"job", "log", "clip", "--follow"}), 4);
  EXPECT_GE(clock.unix_ms() - start, kAwayMsMax);
  EXPECT_THAT(err.str(), HasSubstr("the coordinator was away for"));
}

TEST(UnseenPart, OfATailThatMoved_IsWhatFollowsTheOverlap) {
  EXPECT_EQ(unseen_part("", "abc"), "abc");
  EXPECT_EQ(unseen_part("abc", "abc"), "");
  EXPECT_EQ(unseen_part("abcdef", "defgh"), "defgh");
  EXPECT_EQ(unseen_part(std::string(600, 'x') + "end", std::string(512, 'x') + "end+new"), "+new");
}

// ---------------------------------------------------------------- results, checkpoints

TEST_F(CommandLine, ResultsWithCountsThatDoNotFit_AreRefused) {
  coordinator.answer = [](const ClientRequest&) -> Answer {
    wire::EvaluationResult broken;
    broken.classes = {"a", "b"};
    broken.intersect = {1};
    return wire::ResultsReply{{{JobId{1}, broken, 0}}};
  };
  EXPECT_EQ(run({"results"}), 1);
  EXPECT_THAT(err.str(), HasSubstr("expected counts of 2 classes, found 1, 0, 0 and 0"));
}

TEST_F(CommandLine, ResultsFormat_WinsOverTheGlobalOutput) {
  coordinator.answer = [](const ClientRequest&) -> Answer { return wire::ResultsReply{}; };
  EXPECT_EQ(run({"results"}), 0);
  EXPECT_EQ(out.str(), "no results yet\n");
  EXPECT_EQ(run({"results", "--output", "json"}), 0);
  EXPECT_EQ(out.str(), "[]\n");
  EXPECT_EQ(run({"--output", "json", "results", "--format", "csv"}), 0);
  EXPECT_THAT(out.str(), StartsWith("key,method,step"));
}

TEST_F(CommandLine, Checkpoints_AreListed) {
  coordinator.answer = [](const ClientRequest&) -> Answer {
    return wire::CheckpointsReply{
        {{JobId{3}, "tagalign", {40, "/w/checkpoints/step-00000040", "ab12", true}, 0}}};
  };
  EXPECT_EQ(run({"--output", "quiet", "checkpoints"}), 0);
  EXPECT_EQ(out.str(), "/w/checkpoints/step-00000040\n");
}

}  // namespace
}  // namespace tagalign::cli
