// slurm/tagalign.sbatch and train.sbatch under fake executables: each writes its call into one log.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <cstdlib>
#include <fstream>
#include <map>

#include "base/clock.h"
#include "base/process.h"
#include "tests/unit/agent/temporary_folder.h"

namespace tagalign {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::int64_t kPatienceMs = 30'000;

class ScriptTest : public ::testing::Test {
 protected:
  void SetUp() override {
    fake("scontrol", "");
    // An agent lives until the coordinator stops it.
    fake("srun", R"(trap 'echo "agents terminated" >> "$FAKE/calls"; exit 0' TERM
shift 3
"$@"
while [ ! -e "$FAKE/stopped" ]; do sleep 0.02; done)");
    fake("tagalign", R"(shift 2
case "$1" in
  coordinator)
    [ ! -e "$FAKE/dead" ] || [ "$2" != stop ] || exit 4
    [ "$2" != stop ] || touch "$FAKE/stopped" ;;
  --output) [ ! -e "$FAKE/submitted" ] || echo job ;;
  submit) [ "$2" != bad.yml ] || exit 2; touch "$FAKE/submitted" ;;
  wait)
    if [ -e "$FAKE/dies_once" ]; then rm "$FAKE/dies_once"; exit 4; fi
    [ ! -e "$FAKE/endless" ] || exec sleep 60; exit "$FAKE_CODE" ;;
esac)");
  }

  void fake(const std::string& name, const std::string& body) {
    const Path path = folder_.path() / name;
    std::ofstream(path) << "#!/bin/sh\necho \"" << name << " $*\" >> \"$FAKE/calls\"\n"
                        << body << "\n";
    std::filesystem::permissions(path, std::filesystem::perms::owner_all);
  }

  pid_t start(const std::vector<std::string>& arguments, int code = 0) {
    const char* source = std::getenv("TAGALIGN_SOURCE");
    TA_CHECK(source != nullptr, "run through ctest, which sets TAGALIGN_SOURCE");
    const std::string folder = folder_.path().string();
    std::vector<std::string> command = {"/bin/bash", std::string(source) + "/slurm/" + script_};
    command.insert(command.end(), arguments.begin(), arguments.end());
    std::map<std::string, std::string> variables = {{"SLURM_CPUS_ON_NODE", "16"},
                                                    {"SLURM_GPUS_ON_NODE", gpus_},
                                                    {"PATH", folder + ":/usr/bin:/bin"},
                                                    {"FAKE", folder},
                                                    {"FAKE_CODE", std::to_string(code)},
                                                    {"TAGALIGN_STATE", folder + "/state"},
                                                    {"SLURM_JOB_ID", "77"}};
    variables.insert(asked_.begin(), asked_.end());
    return start_process({.command = command, .environment = variables}).value();
  }

  int finish(pid_t pid) {
    int status = 0;
    ::waitpid(pid, &status, 0);
    return decode_exit_status(status).code;
  }

  std::string calls() {
    std::ifstream file(folder_.path() / "calls");
    return {(std::istreambuf_iterator<char>(file)), {}};
  }

  bool called(const std::string& text) {
    const MonotonicMs begin = system_clock().monotonic_ms();
    while (calls().find(text) == std::string::npos) {
      if (system_clock().monotonic_ms() - begin > kPatienceMs) return false;
      system_clock().sleep_ms(10);
    }
    return true;
  }

  testing::TemporaryFolder folder_;
  std::string script_ = "tagalign.sbatch";
  std::string gpus_ = "0";
  std::map<std::string, std::string> asked_;  ///< what sbatch's options left in the environment
};

TEST_F(ScriptTest, Workflow_Succeeds_StartsEverythingAndStopsIt) {
  EXPECT_EQ(finish(start({"w.yml", "--set", "a.b=1"})), 0);
  EXPECT_THAT(calls(), HasSubstr("coordinator start --pool none"));
  EXPECT_THAT(calls(), HasSubstr("srun --ntasks=1 --ntasks-per-node=1"));
  EXPECT_THAT(calls(), HasSubstr("submit w.yml --set a.b=1\n"));
  EXPECT_THAT(calls(), HasSubstr("results"));
  EXPECT_THAT(calls(), HasSubstr("coordinator stop"));
  EXPECT_THAT(calls(), Not(HasSubstr("scontrol")));
}

/// Field case slurm-srun-cpus-per-task: srun of Slurm 22.05 does not read SLURM_CPUS_PER_TASK.
TEST_F(ScriptTest, Agents_GetTheCoresThatSbatchWasAskedFor) {
  asked_ = {{"SLURM_CPUS_PER_TASK", "2"}};
  EXPECT_EQ(finish(start({"w.yml"})), 0);
  EXPECT_THAT(calls(), HasSubstr("srun --ntasks=1 --ntasks-per-node=1 --cpus-per-task=2 "));
}

TEST_F(ScriptTest, Agents_OfANodeWithSeveralTasks_GetTheCoresOfAll) {
  asked_ = {{"SLURM_CPUS_PER_TASK", "4"}, {"SLURM_NTASKS_PER_NODE", "2"}};
  EXPECT_EQ(finish(start({"w.yml"})), 0);
  EXPECT_THAT(calls(), HasSubstr(" --cpus-per-task=8 "));
}

/// Where sbatch was not asked for cores a task, a step has all that the job has.
TEST_F(ScriptTest, Agents_WithoutCoresATask_AreGivenNoNumber) {
  EXPECT_EQ(finish(start({"w.yml"})), 0);
  EXPECT_THAT(calls(), Not(HasSubstr("--cpus-per-task")));
}

TEST_F(ScriptTest, Wait_KnowsHowManyAgentsCome) {
  asked_ = {{"SLURM_JOB_NUM_NODES", "3"}};
  EXPECT_EQ(finish(start({"w.yml"})), 0);
  EXPECT_THAT(calls(), HasSubstr("wait --agents 3\n"));
}

TEST_F(ScriptTest, Agents_AreLeftToAskSlurmWhatTheyHave) {
  EXPECT_EQ(finish(start({"w.yml"})), 0);
  EXPECT_THAT(calls(), HasSubstr("agent --launcher mpirun\n"));
}

TEST_F(ScriptTest, Job_Fails_IsNotRequeued) {
  EXPECT_EQ(finish(start({"w.yml"}, 1)), 1);
  EXPECT_THAT(calls(), Not(HasSubstr("scontrol")));
}

TEST_F(ScriptTest, Wait_SaysRequeue_IsRequeued) {
  EXPECT_EQ(finish(start({"w.yml"}, 75)), 75);
  EXPECT_THAT(calls(), HasSubstr("scontrol requeue 77"));
}

TEST_F(ScriptTest, Wait_SaysDoNotRequeue_IsNotRequeued) {
  EXPECT_EQ(finish(start({"w.yml"}, 93)), 93);
  EXPECT_THAT(calls(), Not(HasSubstr("scontrol")));
}

TEST_F(ScriptTest, CoordinatorDies_IsStartedAgainAndTheWorkflowGoesOn) {
  std::ofstream(folder_.path() / "dies_once") << "";
  EXPECT_EQ(finish(start({"w.yml"})), 0);
  const std::string log = calls();
  const std::string begin = "coordinator start --pool none --listen tcp://0.0.0.0:*";
  const auto first_wait = log.find("state wait");
  EXPECT_NE(log.find(begin, first_wait), std::string::npos) << log;
  EXPECT_NE(log.find("state wait", first_wait + 1), std::string::npos) << log;
  EXPECT_THAT(log, HasSubstr("results"));
}

TEST_F(ScriptTest, CoordinatorDiesAgain_AgentsAreToldToLeave) {
  std::ofstream(folder_.path() / "dead") << "";
  EXPECT_EQ(finish(start({"w.yml"}, 4)), 4);
  EXPECT_THAT(calls(), HasSubstr("agents terminated"));
  EXPECT_THAT(calls(), Not(HasSubstr("scontrol")));
}

TEST_F(ScriptTest, Usr1_WhileWaiting_SavesStopsAndRequeues) {
  std::ofstream(folder_.path() / "endless") << "";
  const pid_t script = start({"w.yml"});
  ASSERT_TRUE(called("state wait"));
  ::kill(script, SIGUSR1);
  EXPECT_EQ(finish(script), 75);
  const std::string log = calls();
  EXPECT_LT(log.find("coordinator stop"), log.find("scontrol requeue 77"));
}

TEST_F(ScriptTest, Requeued_DoesNotSubmitAgain) {
  std::ofstream(folder_.path() / "submitted") << "";
  EXPECT_EQ(finish(start({"w.yml"})), 0);
  EXPECT_THAT(calls(), Not(HasSubstr("submit w.yml")));
}

TEST_F(ScriptTest, BadWorkflow_IsNeverRequeued) {
  EXPECT_EQ(finish(start({"bad.yml"})), 93);
  EXPECT_THAT(calls(), Not(HasSubstr("scontrol")));
}

/// train.sbatch whose ranks end at once.
class TrainScriptTest : public ScriptTest {
 protected:
  void SetUp() override {
    script_ = "train.sbatch";
    fake("scontrol", "");
    fake("squeue", "echo RUNNING");
    fake("srun", "exit $FAKE_CODE");
    fake("sleep", "[ ! -e \"$FAKE/endless\" ] || exec /bin/sleep 60");
  }
  int finish_after(int code, const std::string& restarts) {
    asked_ = {{"SLURM_RESTART_COUNT", restarts}};
    return finish(start({"train.yml"}, code));
  }
};

TEST_F(TrainScriptTest, PlaceFailed_IsRequeuedAfterAPauseThatGrows) {
  const std::pair<const char*, const char*> pauses[] = {{"0", "sleep 15\n"},
                                                        {"1", "sleep 30\n"},
                                                        {"4", "sleep 240\n"},
                                                        {"5", "sleep 300\n"},
                                                        {"19", "sleep 300\n"}};
  for (const auto& [restarts, pause] : pauses) {
    std::filesystem::remove(folder_.path() / "calls");
    EXPECT_EQ(finish_after(74, restarts), 74);
    const std::string log = calls();
    ASSERT_THAT(log, HasSubstr(pause));
    EXPECT_LT(log.find(pause), log.find("scontrol requeue 77")) << log;
  }
}

TEST_F(TrainScriptTest, PlaceFailedTooOften_IsNeitherRequeuedNorWaitedFor) {
  EXPECT_EQ(finish_after(74, "20"), 74);
  EXPECT_THAT(calls(), Not(HasSubstr("sleep")));
  EXPECT_THAT(calls(), Not(HasSubstr("scontrol")));
}

TEST_F(TrainScriptTest, OtherEnds_AreNotWaitedFor) {
  for (const int code : {0, 1, 75, 76, 93}) EXPECT_EQ(finish_after(code, "3"), code);
  EXPECT_THAT(calls(), Not(HasSubstr("sleep")));
}

TEST_F(TrainScriptTest, Usr1WhileItPauses_IsRequeuedAtOnce) {
  std::ofstream(folder_.path() / "endless") << "";
  const pid_t script = start({"train.yml"}, 74);
  ASSERT_TRUE(called("sleep 15"));
  ::kill(script, SIGUSR1);
  EXPECT_EQ(finish(script), 74);
  EXPECT_THAT(calls(), HasSubstr("scontrol requeue 77"));
}

}  // namespace
}  // namespace tagalign
