// Jobs of kind exec in the hands of their agent: command, environment, reports, outputs and stops.
#include <gmock/gmock.h>

#include <csignal>
#include <fstream>

#include "base/limits.h"
#include "tests/unit/agent/agent_fixture.h"

namespace tagalign::agent {
namespace {

using namespace wire;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsSupersetOf;
using ::testing::Key;
using ::testing::Not;
using ::testing::Pair;
using ::testing::SizeIs;
using namespace std::string_literals;

wire::Launch exec_launch(const std::string& config) {
  return {.job = JobId{12},
          .attempt = Attempt{3},
          .job_name = "run",
          .kind = "exec",
          .ranks = 1,
          .slots_per_rank = 2,
          .workspace = "/w",
          .config_yaml = config,
          .overrides = {"checkpoint=/w/c/7"},
          .shares = {{AgentId{"a"}, 0, {2, 3}}}};
}

GangEnvironment environment() {
  return {.mpirun = "mpirun",
          .worker = "/b/tagalign-worker",
          .tagalign = "/b/tagalign",
          .socket = "/s/ranks.sock",
          .agent_mark = "abc",
          .gpus = std::vector<std::string>{"1"}};
}

ProcessOptions process_of(const std::string& config) {
  const wire::Launch launch = exec_launch(config);
  return plain_process(launch, environment(), *exec::exec_config_of(launch).value());
}

TEST(PlainProcessCommand, Words_StayWordsAndTakeTheCheckpoint) {
  const auto options = process_of("command: [tool, '', 'a b', '--from={checkpoint}/x']");
  EXPECT_THAT(options.command, ElementsAre("tool", "", "a b", "--from=/w/c/7/x"));
  EXPECT_EQ(options.working_directory, Path("/w"));
  EXPECT_EQ(options.stdout_file, Path("/w/logs/run/attempt-3/rank-0.log"));
  EXPECT_EQ(options.stderr_file, options.stdout_file);
  EXPECT_TRUE(options.own_process_group);
  EXPECT_TRUE(options.die_with_parent);
}

TEST(PlainProcessCommand, Text_IsRunByAShellAsItIs) {
  EXPECT_THAT(process_of("command: 'a {checkpoint} | b'").command,
              ElementsAre("/bin/sh", "-c", "a {checkpoint} | b"));
}

TEST(PlainProcessCommand, ProgramWithASlash_LiesInTheWorkspace) {
  EXPECT_THAT(process_of("command: [./train.sh]").command, ElementsAre("/w/./train.sh"));
  EXPECT_THAT(process_of("command: [/bin/x]").command, ElementsAre("/bin/x"));
}

TEST(PlainProcessCommand, Environment_SaysWhatTheProgramIsPartOf) {
  const auto variables = process_of("{command: [a], environment: {MINE: x}}").environment;
  EXPECT_THAT(
      variables,
      IsSupersetOf({Pair("MINE"s, "x"s), Pair("TAGALIGN_JOB"s, "12"s),
                    Pair("TAGALIGN_JOB_NAME"s, "run"s), Pair("TAGALIGN_ATTEMPT"s, "3"s),
                    Pair("TAGALIGN_RANK"s, "0"s), Pair("TAGALIGN_SLOTS"s, "2,3"s),
                    Pair("TAGALIGN_CHECKPOINT"s, "/w/c/7"s),
                    Pair("TAGALIGN_PROGRAM"s, "/b/tagalign"s),
                    Pair("TAGALIGN_REPORT"s, "/w/logs/run/attempt-3/report-0.jsonl"s),
                    Pair("CUDA_VISIBLE_DEVICES"s, "1"s), Pair("TAGALIGN_GANG"s, "abc-12-3."s)}));
}

TEST(ExecGangCommand, Ranks_AreThisProgramUnderMpirun) {
  EXPECT_THAT(gang_command(exec_launch("{command: [a], mpi: true}"), environment()),
              ElementsAre("mpirun", "-n", "1", "--bind-to", "none", "--oversubscribe",
                          "/b/tagalign", "exec-rank", "--config",
                          "/w/logs/run/attempt-3/config.yaml", "--set", "checkpoint=/w/c/7"));
  EXPECT_THAT(gang_command(exec_launch("{command: [a, b]}"), environment()), ElementsAre("a", "b"));
}

class ExecJobTest : public AgentFixture {
 protected:
  void SetUp() override { ASSERT_TRUE(begin_life().ok()); }

  void start(const std::string& config) {
    wire::Launch exec = launch(1);
    exec.kind = "exec";
    exec.config_yaml = config;
    coordinator_->order(exec);
    step();
  }
  Path work() const { return folder_->path() / "work"; }
  void report(const std::string& text) const {
    std::ofstream(work() / "logs/job1/attempt-1/report-0.jsonl", std::ios::app) << text;
  }
  /// Until the agent looks at the reports again.
  void wait_for_a_look() {
    clock_.advance_ms(1'000);
    step();
  }
  AttemptEnded ended() {
    step();
    EXPECT_THAT(events_of<AttemptEnded>(), SizeIs(1));
    return events_of<AttemptEnded>().empty() ? AttemptEnded{} : events_of<AttemptEnded>()[0];
  }
};

TEST_F(ExecJobTest, PlainProcess_RunsToItsEndWithoutAHello) {
  start("command: [a]");
  ASSERT_THAT(processes_.starts, ElementsAre("mark-1-1."));
  clock_.advance_ms(10 * limits::kRankSilentAfterMs);
  step();
  EXPECT_FALSE(processes_.processes.at(101).exit) << "it was taken for wedged";
  processes_.end(101, {});
  EXPECT_EQ(ended().outcome, Outcome::kSucceeded);
  EXPECT_THAT(events_of<AttemptStarted>(), SizeIs(1));
}

TEST_F(ExecJobTest, Reports_BecomeBeatsCheckpointsAndNotices) {
  start("command: [a]");
  std::filesystem::create_directories(work() / "c/10");
  report(
      "{\"progress\": {\"step\": 12, \"steps_total\": 20, \"activity\": \"hm\"}}\n"
      "{\"checkpoint\": {\"step\": 10, \"path\": \"c/10\"}}\n{\"notice\": \"look\"}\nnonsense\n"
      "{\"checkpoint\": {\"step\": 11, \"path\": \"c/11\"}}\n{\"progress\": ");
  wait_for_a_look();
  ASSERT_THAT(events_of<CheckpointCommitted>(), SizeIs(1));
  EXPECT_EQ(events_of<CheckpointCommitted>()[0].checkpoint.path, (work() / "c/10").string());
  std::vector<std::string> notices;
  for (const auto& notice : events_of<RankNotice>()) notices.push_back(notice.text);
  EXPECT_THAT(notices, ElementsAre("look", HasSubstr("found 'nonsense'"),
                                   HasSubstr("c/11, where nothing is: it is not followed")));
  clock_.advance_ms(1'000);
  step();
  const auto beats = sent<AgentHeartbeat>().back().beats;
  ASSERT_THAT(beats, SizeIs(1));
  EXPECT_EQ(beats[0].step, 12u);
  EXPECT_EQ(beats[0].activity, "hm");
  report("{\"step\": 15}}");  // the line goes on, and has no end when the program does
  processes_.end(101, {.code = 3});
  EXPECT_EQ(ended().last_step, 15u);
  EXPECT_THAT(events_of<CheckpointCommitted>(), SizeIs(1)) << "what was taken is not taken again";
}

TEST_F(ExecJobTest, Outputs_ThatAreMissing_FailTheJob) {
  start("{command: [a], outputs: [there, 'x*.txt', 'y?.txt', gone/z]}");
  std::ofstream(work() / "there") << "1";
  std::ofstream(work() / "x1.txt") << "1";
  processes_.end(101, {});
  const AttemptEnded end = ended();
  EXPECT_EQ(end.outcome, Outcome::kFailed);
  EXPECT_THAT(end.message, HasSubstr("of its outputs y?.txt, gone/z are missing in "));
}

TEST_F(ExecJobTest, Outputs_OfOneThatLeft_AreNotAskedFor) {
  start("{command: [a], outputs: [there]}");
  processes_.end(101, {.code = 75});
  EXPECT_EQ(ended().outcome, Outcome::kSavedAndLeft);
}

TEST_F(ExecJobTest, SaveAndLeave_IsSigtermToTheGroup) {
  start("command: [a]");
  const int helper = processes_.add("mark-1-1.");
  coordinator_->order(stop(1, StopMode::kSaveAndLeave));
  step();
  ASSERT_TRUE(processes_.processes.at(101).exit);
  EXPECT_EQ(processes_.processes.at(101).exit->signal, SIGTERM);
  EXPECT_FALSE(processes_.processes.at(helper).exit) << "what the program started may still save";
  EXPECT_THAT(events_of<AttemptEnded>(), SizeIs(0));
  clock_.advance_ms(limits::kSaveAndLeaveMsMax);
  EXPECT_EQ(ended().outcome, Outcome::kKilledOnRequest);
  EXPECT_EQ(processes_.processes.at(helper).exit->signal, SIGKILL);
}

TEST_F(ExecJobTest, Configuration_OfAnotherVersion_IsALaunchThatFails) {
  start("{command: [a], unheard: of}");
  const AttemptEnded end = ended();
  EXPECT_EQ(end.outcome, Outcome::kLaunchFailed);
  EXPECT_THAT(end.message, HasSubstr("'unheard'"));
}

}  // namespace
}  // namespace tagalign::agent
