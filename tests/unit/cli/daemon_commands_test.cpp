#include <stdlib.h>

#include "base/process.h"
#include "coordinator/cli/host/doctor.h"
#include "tests/unit/cli/fake_host.h"

namespace tagalign::cli {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using wire::ClientRequest;

// ---------------------------------------------------------------- coordinator, agent

wire::StatusReply status_reply() {
  wire::StatusReply reply;
  reply.endpoint = "tcp://127.0.0.1:7711";
  reply.pid = 99;
  return reply;
}

TEST_F(CommandLine, CoordinatorStart_WhenOneRuns_SaysSoAndStartsNone) {
  coordinator.answer = [](const ClientRequest&) -> Answer { return status_reply(); };
  EXPECT_EQ(run({"--state", "/s", "coordinator", "start"}), 0);
  EXPECT_EQ(err.str(), "a coordinator runs already on /s\n");
  EXPECT_THAT(out.str(), HasSubstr("tcp://127.0.0.1:7711"));
  EXPECT_TRUE(started.empty());
}

TEST_F(CommandLine, CoordinatorStart_RunsItselfDetachedAndWaitsForTheAnswer) {
  int calls = 0;
  coordinator.answer = [&](const ClientRequest&) -> Answer {
    if (started.empty() || ++calls < 4) return unavailable("not yet");
    return status_reply();
  };
  EXPECT_EQ(run({"--state", "/s", "coordinator", "start", "--slots", "3", "--listen",
                 "tcp://10.0.0.5:7711"}),
            0);
  ASSERT_EQ(started.size(), 1u);
  EXPECT_THAT(started[0], ElementsAre("--state", "/s", "coordinator", "run", "--pool", "local",
                                      "--listen", "tcp://10.0.0.5:7711", "--slots", "3"));
}

TEST_F(CommandLine, CoordinatorStart_OfADaemonThatEnds_ShowsItsLog) {
  std::string folder = (std::filesystem::temp_directory_path() / "tagalign-cli-XXXXXX").string();
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  std::ofstream(folder + "/coordinator.log") << "of yesterday\n";
  on_start = [&] {
    std::ofstream(folder + "/coordinator.log", std::ios::app) << "the folder is held by pid 7\n";
  };
  daemon_exit = ExitStatus{2, 0};
  EXPECT_EQ(run({"--state", folder, "coordinator", "start"}), 2);
  EXPECT_THAT(err.str(), AllOf(HasSubstr("exit code 2"), HasSubstr("the folder is held by pid 7"),
                               Not(HasSubstr("of yesterday"))));
  std::filesystem::remove_all(folder);
}

TEST_F(CommandLine, CoordinatorStart_WithoutAnyAnswer_TimesOut) {
  EXPECT_EQ(run({"--state", "/s", "coordinator", "start"}), 3);
  EXPECT_THAT(err.str(), HasSubstr("look into /s/coordinator.log"));
}

TEST_F(CommandLine, CoordinatorStop_WaitsUntilItIsGone) {
  int statuses = 0;
  coordinator.answer = [&](const ClientRequest& request) -> Answer {
    if (const auto* stop = std::get_if<wire::StopRequest>(&request)) {
      EXPECT_TRUE(stop->kill_gangs);
      return wire::StopReply{"stopping"};
    }
    if (++statuses < 3) return status_reply();
    return unavailable("gone");
  };
  EXPECT_EQ(run({"coordinator", "stop", "--kill"}), 0);
  EXPECT_EQ(out.str(), "stopping\n");
  EXPECT_EQ(statuses, 3);
}

TEST_F(CommandLine, CoordinatorRunAndAgent_GetTheirArguments) {
  EXPECT_EQ(run({"--state", "/s", "coordinator", "run", "--pool", "none"}), 0);
  EXPECT_EQ(coordinator_arguments.state, "/s");
  EXPECT_EQ(coordinator_arguments.pool, "none");
  EXPECT_EQ(coordinator_arguments.slots, std::nullopt);
  EXPECT_EQ(run({"agent", "--state", "/s", "--id", "n7", "--slots", "8"}), 0);
  EXPECT_EQ(agent_arguments.id, "n7");
  EXPECT_EQ(agent_arguments.slots, 8);
  EXPECT_EQ(agent_arguments.state, "/s");
  EXPECT_EQ(agent_arguments.mpirun, "mpirun");
  EXPECT_EQ(run({"agent", "--gpus", "2", "--mpirun", "/opt/mpirun"}), 0);
  EXPECT_EQ(agent_arguments.slots, std::nullopt);
  EXPECT_EQ(agent_arguments.gpus, 2);
  EXPECT_EQ(agent_arguments.mpirun, "/opt/mpirun");
}

// ---------------------------------------------------------------- doctor, completion

TEST_F(CommandLine, Doctor_ExitsWithOneOnAnErrorOnly) {
  checks = {{"disk", Health::kOk, "fast", ""}, {"gpu", Health::kWarning, "none", "look"}};
  EXPECT_EQ(run({"doctor"}), 0);
  EXPECT_EQ(out.str(),
            "CHECK  HEALTH   FOUND  WHAT TO DO\n"
            "disk   ok       fast\n"
            "gpu    warning  none   look\n");
  checks.push_back({"mpi", Health::kError, "missing", "install it"});
  EXPECT_EQ(run({"doctor"}), 1);
}

TEST(JudgeProbe, TwoRanksThatSeeEachOther_AreWell) {
  const auto checks = judge_probe(
      "some banner\n"
      "{\"rank\":1,\"world\":2,\"torch\":\"2.11.0\",\"cuda_build\":false,\"gpus\":0,\"nccl\":"
      "\"none\"}\n"
      "{\"rank\":0,\"world\":2,\"torch\":\"2.11.0\",\"cuda_build\":false,\"gpus\":0,\"nccl\":"
      "\"none\"}\n",
      2);
  ASSERT_EQ(checks.size(), 3u);
  for (const Check& check : checks)
    EXPECT_EQ(check.health, Health::kOk) << check.name << check.found;
  EXPECT_EQ(checks[1].found, "2.11.0");
}

TEST(JudgeProbe, ForeignMpirun_IsAnError) {
  const std::string alone = "{\"rank\":0,\"world\":1,\"torch\":\"2.11.0\",\"cuda_build\":false}\n";
  const auto checks = judge_probe(alone + alone, 2);
  EXPECT_EQ(checks[0].health, Health::kError);
  EXPECT_THAT(checks[0].found, HasSubstr("a world of 1"));
  EXPECT_EQ(judge_probe("Segmentation fault\n", 2)[0].health, Health::kError);
}

TEST(JudgeProbe, CudaBuildWithoutGpu_IsAWarning) {
  const auto checks = judge_probe(
      "{\"rank\":0,\"world\":1,\"torch\":\"2.11.0\",\"cuda_build\":true,\"gpus\":0}\n", 1);
  EXPECT_EQ(checks.back().health, Health::kWarning);
}

TEST_F(CommandLine, Completion_KnowsEveryCommand) {
  EXPECT_EQ(run({"completion", "bash"}), 0);
  for (const std::string command :
       {"coordinator", "agent",  "submit",     "jobs",    "job",       "wait",     "checkpoints",
        "results",     "doctor", "completion", "weights", "show",      "log",      "explain",
        "cancel",      "start",  "status",     "stop",    "--dry-run", "--follow", "--format"}) {
    EXPECT_THAT(out.str(), HasSubstr(command));
  }
  EXPECT_THAT(
      out.str(),
      HasSubstr("\"job\") words=\"show explain cancel hold release requeue set log --help\" ;;"));
  EXPECT_EQ(run({"completion", "fish"}), 2);
}

/// What bash offers for the last of `words`.
std::string completions(const std::string& script, const std::string& words) {
  const auto offered = run_command(
      {"bash", "-c",
       script + "COMP_WORDS=(" + words +
           ")\nCOMP_CWORD=$((${#COMP_WORDS[@]} - 1))\n_tagalign\necho \"${COMPREPLY[*]}\""},
      10'000);
  return offered.ok() ? offered->output : offered.status().message();
}

TEST_F(CommandLine, Completion_AfterPositionalArguments_OffersTheCommandsOptions) {
  ASSERT_EQ(run({"completion", "bash"}), 0);
  const std::string script = out.str();
  EXPECT_EQ(completions(script, "tagalign submit demo.yml --wa"), "--wait\n");
  EXPECT_EQ(completions(script, "tagalign submit demo.yml --workspace /w --dr"), "--dry-run\n");
  EXPECT_EQ(completions(script, "tagalign --state /s job log 3 --f"), "--follow\n");
  EXPECT_EQ(completions(script, "tagalign job l"), "log\n");
  EXPECT_EQ(completions(script, "tagalign doc"), "doctor\n");
}

}  // namespace
}  // namespace tagalign::cli
