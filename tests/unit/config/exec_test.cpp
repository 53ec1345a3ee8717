// Jobs of kind exec in a workflow file: what they run, and how they fit among the other kinds.
#include <algorithm>

#include "configs/schema/reading/workflow.h"
#include "tests/unit/config/config_test_support.h"

namespace tagalign::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

class ExecJob : public ::testing::Test {
 protected:
  /// A workflow of one job 'run' with these keys beside its kind, and more jobs behind it.
  Result<Workflow> load(const std::string& keys, const std::string& more = "") {
    const std::string text =
        "name: w\njobs:\n  run: {kind: exec, " + keys + "}\n" + (more.empty() ? "" : "  " + more);
    return load_workflow(posix_file_system(), folder_.write("w.yml", text));
  }
  std::string message(const std::string& keys, const std::string& more = "") {
    const auto workflow = load(keys, more);
    return workflow.ok() ? "accepted" : workflow.status().message();
  }
  static ExecConfig config_of(const WorkflowJob& job) {
    return parse_job_config<ExecConfig>(job.config, job.name).value();
  }

  TemporaryFolder folder_;
};

TEST_F(ExecJob, ListOfWords_IsOnePlainProcess) {
  const auto workflow = load(
      "config: {command: [python3, train.py, '--lr', 1e-3, '', 'a b'], outputs: [m.pt], "
      "environment: {A: 1, B: ''}}");
  ASSERT_TRUE(workflow.ok()) << workflow.status().message();
  EXPECT_EQ(workflow->jobs[0].ranks, 0);
  const ExecConfig config = config_of(workflow->jobs[0]);
  EXPECT_THAT(config.command.words, ElementsAre("python3", "train.py", "--lr", "1e-3", "", "a b"));
  EXPECT_FALSE(config.command.by_shell);
  EXPECT_FALSE(config.mpi);
  EXPECT_THAT(config.environment, ElementsAre(Pair("A", "1"), Pair("B", "")));
  EXPECT_THAT(config.outputs, ElementsAre("m.pt"));
}

TEST_F(ExecJob, Text_IsForTheShell) {
  const auto workflow = load("ranks: 0, config: {command: 'a | b \"c\"'}");
  ASSERT_TRUE(workflow.ok()) << workflow.status().message();
  const ExecConfig config = config_of(workflow->jobs[0]);
  EXPECT_TRUE(config.command.by_shell);
  EXPECT_THAT(config.command.words, ElementsAre("a | b \"c\""));
}

TEST_F(ExecJob, Ranks_AreStartedByMpi) {
  const auto workflow = load("ranks: 2, config: {command: [a]}");
  ASSERT_TRUE(workflow.ok()) << workflow.status().message();
  EXPECT_EQ(workflow->jobs[0].ranks, 2);
  EXPECT_TRUE(config_of(workflow->jobs[0]).mpi);
}

TEST_F(ExecJob, Configuration_ThatWasPrinted_CanBeHandedInAgain) {
  const auto workflow = load("config: {command: [a, b], environment: {X: y}}");
  ASSERT_TRUE(workflow.ok()) << workflow.status().message();
  folder_.write("printed.yml", workflow->jobs[0].config);
  const auto again = load("config: {_base_: printed.yml}");
  ASSERT_TRUE(again.ok()) << again.status().message();
  EXPECT_EQ(again->jobs[0].config, workflow->jobs[0].config);
}

TEST_F(ExecJob, Checkpoints_AreFollowedByExecJobsAndLeadTo) {
  const std::string look = "look: {kind: exec, on_commit_of: run, config: {command: [a, ";
  EXPECT_EQ(message("config: {command: [a]}", look + "'{checkpoint}']}}\n"), "accepted");
  EXPECT_THAT(
      message("config: {command: [a]}",
              look + "b]}}\n  far: {kind: exec, on_commit_of: look, config: {command: a}}\n"),
      HasSubstr("w.yml:5: jobs.far.on_commit_of: 'look' follows checkpoints itself; name a "
                "job that runs once"));
}

TEST_F(ExecJob, CheckpointWord_WithoutACheckpoint_IsRefused) {
  EXPECT_THAT(message("config: {command: [a, '--from={checkpoint}']}"),
              HasSubstr("jobs.run.config.command: names {checkpoint}, but the job has no "
                        "on_commit_of and no config.checkpoint; set one of them"));
  EXPECT_EQ(message("config: {checkpoint: c/1, command: [a, '{checkpoint}']}"), "accepted");
}

TEST_F(ExecJob, Command_MissingOrEmpty_IsRefused) {
  EXPECT_THAT(message("config: {outputs: [a]}"),
              HasSubstr("jobs.run.config.command: this key is required and missing"));
  EXPECT_THAT(message("config: {command: []}"), HasSubstr("command: must not be empty"));
  EXPECT_THAT(message("config: {command: ['', x]}"),
              HasSubstr("jobs.run.config.command.0: expected a program, found an empty word"));
  EXPECT_THAT(message("config: {command: ' '}"),
              HasSubstr("jobs.run.config.command: expected a program, found an empty word"));
  EXPECT_THAT(message("config: {command: {a: b}}"),
              HasSubstr("expected a list of words, or one text for the shell, found a map"));
  EXPECT_THAT(message("config: {command: [[a]]}"), HasSubstr("jobs.run.config.command.0"));
}

TEST_F(ExecJob, Keys_ThatDoNotExist_NameTheNearest) {
  EXPECT_THAT(message("config: {comand: [a]}"), HasSubstr("did you mean 'command'?"));
}

TEST_F(ExecJob, Environment_OfTheAgent_IsRefused) {
  EXPECT_THAT(message("config: {command: [a], environment: {TAGALIGN_JOB: 1}}"),
              HasSubstr("jobs.run.config.environment.TAGALIGN_JOB: names that begin with TAGALIGN_ "
                        "are set by the agent; choose another"));
  EXPECT_THAT(message("config: {command: [a], environment: {'A=B': 1}}"),
              HasSubstr("'A=B' is no name of a variable"));
  EXPECT_THAT(message("config: {command: [a], environment: [A=1]}"),
              HasSubstr("environment: expected a map of variables to texts, found a list"));
}

TEST_F(ExecJob, Outputs_Empty_AreRefused) {
  EXPECT_THAT(message("config: {command: [a], outputs: [b, '']}"),
              HasSubstr("jobs.run.config.outputs.1: expected a file or a pattern"));
}

TEST_F(ExecJob, NoRanks_AreForExecAlone) {
  EXPECT_THAT(message("config: {command: [a]}",
                      "draw: {kind: scenes, ranks: 0, config: {validation: [{name: day}]}}\n"),
              HasSubstr("w.yml:4: jobs.draw.ranks: expected 1 to 4096, found 0; only a job of kind "
                        "exec runs without MPI"));
}

TEST_F(ExecJob, Mpi_AgainstTheRanks_IsRefused) {
  EXPECT_THAT(message("ranks: 2, config: {command: [a], mpi: false}"),
              HasSubstr("jobs.run.config.mpi: expected true with ranks 2, found 'false'"));
}

TEST_F(ExecJob, Sweep_ReachesWordsVariablesAndRanks) {
  const auto workflow = load(
      "sweep: {grid: {environment.LR: [0.1, 0.2]}, zip: {job.ranks: [0, 2]}}, config: {command: "
      "[a]}");
  ASSERT_TRUE(workflow.ok()) << workflow.status().message();
  ASSERT_EQ(workflow->jobs.size(), 4u);
  EXPECT_THAT(config_of(workflow->jobs[3]).environment, ElementsAre(Pair("LR", "0.2")));
  EXPECT_FALSE(config_of(workflow->jobs[2]).mpi);
  EXPECT_TRUE(config_of(workflow->jobs[3]).mpi);
}

}  // namespace
}  // namespace tagalign::config
