// Jobs that stand for several: order, names, references and folders.
#include "configs/schema/reading/sweep.h"
#include "configs/schema/document/inherit.h"
#include "tests/unit/config/sweep_support.h"

namespace tagalign::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// ---------------------------------------------------------------- order and names

TEST_F(SweepOfAFile, Grid_IsEveryCombinationAndTheFirstKeyVariesSlowest) {
  const Workflow workflow =
      read(tune("{grid: {optimizer.base_lr: [1e-3, 5e-4], steps: [10, 20]}}"));
  ASSERT_EQ(workflow.jobs.size(), 4u);
  EXPECT_EQ(workflow.jobs[0].name, "tune.base_lr-0.001.steps-10");
  EXPECT_EQ(workflow.jobs[1].name, "tune.base_lr-0.001.steps-20");
  EXPECT_EQ(workflow.jobs[2].name, "tune.base_lr-0.0005.steps-10");
  EXPECT_EQ(workflow.jobs[3].name, "tune.base_lr-0.0005.steps-20");
  EXPECT_DOUBLE_EQ(train(workflow.jobs[2]).optimizer.base_lr, 5e-4);
  EXPECT_EQ(train(workflow.jobs[2]).steps, 10u);
  EXPECT_EQ(train(workflow.jobs[1]).steps, 20u);
}

TEST_F(SweepOfAFile, ZipAndList_GoSideBySideAndAsWritten) {
  EXPECT_THAT(names(tune("{zip: {optimizer.base_lr: [1e-3, 5e-4], steps: [10, 20]}}")),
              ElementsAre("tune.base_lr-0.001.steps-10", "tune.base_lr-0.0005.steps-20"));
  EXPECT_THAT(
      names(tune("{list: [{optimizer.base_lr: 1e-3}, {optimizer.base_lr: 5e-4, steps: 20}]}")),
      ElementsAre("tune.base_lr-0.001", "tune.base_lr-0.0005.steps-20"));
}

TEST_F(SweepOfAFile, GridZipAndList_AreMultipliedInThisOrder) {
  EXPECT_THAT(names(tune("{list: [{runtime.seed: 1}, {runtime.seed: 2}], zip: {steps: [10, 20], "
                         "job.ranks: [1, 2]}, grid: {global_batch: [64, 128]}}")),
              ElementsAre("tune.global_batch-64.steps-10.ranks-1.seed-1",
                          "tune.global_batch-64.steps-10.ranks-1.seed-2",
                          "tune.global_batch-64.steps-20.ranks-2.seed-1",
                          "tune.global_batch-64.steps-20.ranks-2.seed-2",
                          "tune.global_batch-128.steps-10.ranks-1.seed-1",
                          "tune.global_batch-128.steps-10.ranks-1.seed-2",
                          "tune.global_batch-128.steps-20.ranks-2.seed-1",
                          "tune.global_batch-128.steps-20.ranks-2.seed-2"));
}

TEST_F(SweepOfAFile, KeysOfTheJob_BeginWithJob) {
  const Workflow workflow =
      read(tune("{list: [{job.ranks: 2, job.priority: 5}, {job.ranks: 4, job.pool: a100}]}"));
  ASSERT_EQ(workflow.jobs.size(), 2u);
  EXPECT_EQ(workflow.jobs[0].name, "tune.ranks-2.priority-5");
  EXPECT_EQ(workflow.jobs[0].ranks, 2);
  EXPECT_EQ(workflow.jobs[0].priority, 5);
  EXPECT_EQ(workflow.jobs[1].name, "tune.ranks-4.pool-a100");
  EXPECT_EQ(workflow.jobs[1].pool, "a100");
}

TEST_F(SweepOfAFile, Names_AreLegalWhateverTheValue) {
  const std::string texts =
      "{grid: {data.root: [\"/Data/Ünter  uns/\", \"\", a+b, 1e20, -0.5, null, true]}}";
  Node root = *read_text(tune(texts), "w.yml");
  Problems problems;
  expand_sweeps(root, problems);
  ASSERT_TRUE(problems.empty());
  Names found;
  for (const Entry& entry : root.find("jobs")->entries) found.push_back(entry.key);
  EXPECT_THAT(found,
              ElementsAre("tune.root-data-nter-uns", "tune.root-empty", "tune.root-a-b",
                          "tune.root-1e20", "tune.root--0.5", "tune.root-null", "tune.root-true"));
}

TEST_F(SweepOfAFile, LongOrEqualNames_GetTheNumberOfTheCombination) {
  const std::string path(60, 'p');
  const Workflow workflow =
      read(tune("{grid: {data.root: [/" + path + "/a, /" + path + "/b, x/y, x-y]}}"));
  ASSERT_EQ(workflow.jobs.size(), 4u);
  EXPECT_EQ(workflow.jobs[0].name, "tune.root-" + std::string(52, 'p') + "-1");
  EXPECT_EQ(workflow.jobs[1].name, "tune.root-" + std::string(52, 'p') + "-2");
  EXPECT_EQ(workflow.jobs[2].name, "tune.root-x-y");
  EXPECT_EQ(workflow.jobs[3].name, "tune.root-x-y-4");
}

TEST_F(SweepOfAFile, NameOfAnotherJob_IsNotTaken) {
  EXPECT_THAT(names(tune("{grid: {steps: [10, 20]}}") +
                    "  tune.steps-20: {kind: scenes, config: {validation: [{name: day}]}}\n"),
              ElementsAre("tune.steps-10", "tune.steps-20-2", "tune.steps-20"));
}

// ---------------------------------------------------------------- overrides, variables, bases

TEST_F(SweepOfAFile, Overrides_ReachKeysWithDots) {
  const std::string text = tune("{grid: {optimizer.base_lr: [1e-3, 5e-4]}}");
  EXPECT_THAT(names(text, {"jobs.tune.sweep.grid.optimizer.base_lr=[1]"}),
              ElementsAre("tune.base_lr-1"));
  EXPECT_THAT(names(text, {"jobs.tune.sweep.grid.optimizer.base_lr.1=2"}),
              ElementsAre("tune.base_lr-0.001", "tune.base_lr-2"));
  EXPECT_THAT(names(text, {"jobs.tune.sweep.grid.optimizer.weight_decay=[0.1, 0.2]",
                           "jobs.tune.sweep.grid.optimizer.base_lr=[1]"}),
              ElementsAre("tune.base_lr-1.weight_decay-0.1", "tune.base_lr-1.weight_decay-0.2"));
  EXPECT_THAT(names(text, {"jobs.tune.sweep={zip: {steps: [10, 20]}}"}),
              ElementsAre("tune.steps-10", "tune.steps-20"));
  EXPECT_THAT(names(text, {"jobs.tune.sweep.grid={}", "jobs.tune.sweep.grid.steps=[10,20]"}),
              ElementsAre("tune.steps-10", "tune.steps-20"));
}

TEST_F(SweepOfAFile, VariablesAndBases_AreResolvedFirst) {
  folder_.write("day.yml", "name: day\nroot: /day\n");
  const Workflow workflow = read(
      "name: w\nvars: {lr: 0.25}\njobs:\n"
      "  e: {kind: evaluate, sweep: {grid: {datasets.0: [{_base_: day.yml, window: 320}, "
      "{name: Night, root: /n}], read_ahead: [\"${n}\"]}}, "
      "config: {method: {name: clip}, clip: {weights: w}, datasets: []}}\n",
      {"vars.n=3"});
  ASSERT_EQ(workflow.jobs.size(), 2u);
  EXPECT_EQ(workflow.jobs[0].name, "e.datasets-0-day.read_ahead-3");
  EXPECT_EQ(workflow.jobs[1].name, "e.datasets-0-night.read_ahead-3");
  EXPECT_EQ(evaluation(workflow.jobs[0]).datasets[0].root, "/day");
  EXPECT_EQ(evaluation(workflow.jobs[0]).datasets[0].window, 320);
  EXPECT_EQ(evaluation(workflow.jobs[1]).datasets[0].root, "/n");
}

// ---------------------------------------------------------------- references

TEST_F(SweepOfAFile, After_MeansAllOfIt) {
  const Workflow workflow =
      read(tune("{grid: {steps: [10, 20]}}") +
           "  a: {kind: scenes, after: [tune], config: {validation: [{name: day}]}}\n"
           "  b: {kind: scenes, after: [a, tune.steps-20], after_any: [tune.steps-10], config: "
           "{validation: [{name: day}], output: o}}\n"
           "  c: {kind: scenes, after_any: [tune], config: {validation: [{name: day}]}}\n");
  ASSERT_EQ(workflow.jobs.size(), 5u);
  EXPECT_THAT(workflow.jobs[2].after, ElementsAre("tune.steps-10", "tune.steps-20"));
  EXPECT_THAT(workflow.jobs[3].after, ElementsAre("a", "tune.steps-20"));
  EXPECT_THAT(workflow.jobs[3].after_any, ElementsAre("tune.steps-10"));
  EXPECT_THAT(workflow.jobs[4].after_any, ElementsAre("tune.steps-10", "tune.steps-20"));
}

TEST_F(SweepOfAFile, OnCommitOf_FollowsEachTraining) {
  const Workflow workflow = read(
      "name: w\njobs:\n  scores: {kind: evaluate, on_commit_of: tune, sweep: "
      "{grid: {datasets.0.window: [64, 128]}}, config: {clip: {weights: w}, datasets: "
      "[{name: d, root: r, stride: 32}]}}\n"
      "  last: {kind: evaluate, on_commit_of: tune, " +
      kEvaluate + "  end: {kind: scenes, after: [scores], config: {validation: [{name: d}]}}" +
      "\n  tune: {kind: train, sweep: {grid: {steps: [10, 20]}}, " + kConfig);
  ASSERT_EQ(workflow.jobs.size(), 9u);
  EXPECT_EQ(workflow.jobs[0].name, "scores.steps-10.window-64");
  EXPECT_EQ(workflow.jobs[0].on_commit_of, "tune.steps-10");
  EXPECT_EQ(evaluation(workflow.jobs[0]).datasets[0].window, 64);
  EXPECT_EQ(workflow.jobs[1].name, "scores.steps-10.window-128");
  EXPECT_EQ(workflow.jobs[2].name, "scores.steps-20.window-64");
  EXPECT_EQ(workflow.jobs[2].on_commit_of, "tune.steps-20");
  EXPECT_EQ(workflow.jobs[4].name, "last.steps-10");
  EXPECT_EQ(workflow.jobs[5].on_commit_of, "tune.steps-20");
  EXPECT_THAT(workflow.jobs[6].after,
              ElementsAre("scores.steps-10.window-64", "scores.steps-10.window-128",
                          "scores.steps-20.window-64", "scores.steps-20.window-128"));
}

TEST_F(SweepOfAFile, OnCommitOfAPlainTraining_MayBeSweptItself) {
  const Workflow workflow =
      read("name: w\njobs:\n  fit: {kind: train, " + kConfig +
           "  scores: {kind: evaluate, on_commit_of: fit, sweep: {grid: {multilabel: [true, "
           "false]}}, " +
           kEvaluate);
  ASSERT_EQ(workflow.jobs.size(), 3u);
  EXPECT_EQ(workflow.jobs[2].name, "scores.multilabel-false");
  EXPECT_EQ(workflow.jobs[2].on_commit_of, "fit");
  EXPECT_EQ(evaluation(workflow.jobs[2]).label, "");
}

// ---------------------------------------------------------------- folders

TEST_F(SweepOfAFile, Folders_AreTheirOwn) {
  const Workflow workflow = read(
      tune("{grid: {steps: [10]}}") + "  last: {kind: evaluate, on_commit_of: tune, " + kEvaluate +
      "  named: {kind: evaluate, on_commit_of: tune, config: {label: ours, output: out, clip: "
      "{weights: w}, datasets: [{name: d, root: r}]}}\n"
      "  clip: {kind: pretrain, sweep: {grid: {steps: [7]}}, config: {data: {root: r, captions: "
      "c}, checkpoint: {directory: /c}, output: out/vit.safetensors}}\n"
      "  own: {kind: pretrain, sweep: {list: [{checkpoint.directory: a, output: b}, {checkpoint: "
      "{directory: c}, steps: 3}, {checkpoint: {every_steps: 9}}]}, config: {data: {root: r, "
      "captions: c}}}\n");
  ASSERT_EQ(workflow.jobs.size(), 7u);
  EXPECT_EQ(train(workflow.jobs[0]).checkpoint.directory, "checkpoints/tune.steps-10");
  EXPECT_EQ(train(workflow.jobs[0]).checkpoint.keep_last, 0);
  EXPECT_EQ(evaluation(workflow.jobs[1]).output, "results/last.steps-10");
  EXPECT_EQ(evaluation(workflow.jobs[1]).label, "tune.steps-10");
  EXPECT_EQ(evaluation(workflow.jobs[2]).output, "out/named.steps-10");
  EXPECT_EQ(evaluation(workflow.jobs[2]).label, "ours");
  const auto pretrain = [&](std::size_t i) {
    return *parse_job_config<PretrainConfig>(workflow.jobs[i].config, "c");
  };
  EXPECT_EQ(pretrain(3).checkpoint.directory, "/c/clip.steps-7");
  EXPECT_EQ(pretrain(3).output, "out/vit.steps-7.safetensors");
  EXPECT_EQ(pretrain(4).checkpoint.directory, "a");
  EXPECT_EQ(pretrain(4).output, "b");
  EXPECT_EQ(pretrain(5).checkpoint.directory, "c");
  EXPECT_EQ(pretrain(5).output, "clip.checkpoint-directory-c.steps-3.safetensors");
  EXPECT_EQ(pretrain(6).checkpoint.directory, "checkpoints/own.checkpoint-every_steps-9");
}

// ---------------------------------------------------------------- concurrency

TEST_F(SweepOfAFile, Concurrency_MakesOneGroupOfItsJobs) {
  const Workflow workflow =
      read(tune("{grid: {steps: [1, 2, 3]}, concurrency: 2}", "after_any: [draw], ") +
           "  draw: {kind: scenes, config: {validation: [{name: day}]}}\n");
  ASSERT_EQ(workflow.jobs.size(), 4u);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_THAT(workflow.jobs[i].after_any, ElementsAre("draw"));
    EXPECT_EQ(workflow.jobs[i].group, "tune");
    EXPECT_EQ(workflow.jobs[i].group_live_max, 2);
  }
  EXPECT_EQ(workflow.jobs[3].group, "");
  for (const WorkflowJob& job : read(tune("{grid: {steps: [1, 2, 3]}}")).jobs)
    EXPECT_EQ(job.group_live_max, 0);
}

// ---------------------------------------------------------------- commits

TEST_F(SweepOfAFile, AfterCommit_MeansThatStepOfEach) {
  const Workflow workflow =
      read(tune("{grid: {steps: [10, 20]}}") +
           "  a: {kind: scenes, after_commit: [tune@5], config: {validation: [{name: day}]}}\n"
           "  b: {kind: scenes, after_commit: [tune.steps-20@15], config: {validation: [{name: "
           "day}], output: o}}\n");
  ASSERT_EQ(workflow.jobs.size(), 4u);
  EXPECT_THAT(workflow.jobs[2].after_commit,
              ElementsAre(CommitWait{"tune.steps-10", 5}, CommitWait{"tune.steps-20", 5}));
  EXPECT_THAT(workflow.jobs[3].after_commit, ElementsAre(CommitWait{"tune.steps-20", 15}));
}

TEST_F(SweepOfAFile, Best_IsToldByTheEvaluationsOfTheSameTraining) {
  const std::string text = tune("{grid: {steps: [10, 20]}}") +
                           "  final: {kind: evaluate, on_commit_of: tune, commits: {best: scores, "
                           "dataset: d}, " +
                           kEvaluate + "  scores: {kind: evaluate, on_commit_of: tune, ";
  const Workflow workflow = read(text + kEvaluate);
  ASSERT_EQ(workflow.jobs.size(), 6u);
  EXPECT_EQ(workflow.jobs[2].name, "final.steps-10");
  EXPECT_EQ(workflow.jobs[2].commits.best, "scores.steps-10");
  EXPECT_EQ(workflow.jobs[3].commits.best, "scores.steps-20");
  EXPECT_THAT(
      message(text + "sweep: {grid: {multilabel: [true, false]}}, " + kEvaluate),
      HasSubstr("jobs.final.commits.best: expected one job that evaluates the checkpoints of "
                "'tune.steps-10', found 2 of 'scores'; name one"));
}

// ---------------------------------------------------------------- the file in configs/

TEST(ShippedConfigs, Sweep_TrainsEachCombinationAndEvaluatesIt) {
  const auto workflow = load_workflow(posix_file_system(), source_folder() / "configs/sweep.yml",
                                      {"vars.data=/d", "vars.clip=/c", "vars.voc=/v"});
  ASSERT_TRUE(workflow.ok()) << workflow.status().message();
  Names all;
  for (const WorkflowJob& job : workflow->jobs) all.push_back(job.name);
  EXPECT_THAT(all, ElementsAre("tune.base_lr-0.0005.layers-1", "tune.base_lr-0.0005.layers-2",
                               "tune.base_lr-0.0002.layers-1", "tune.base_lr-0.0002.layers-2",
                               "scores.base_lr-0.0005.layers-1", "scores.base_lr-0.0005.layers-2",
                               "scores.base_lr-0.0002.layers-1", "scores.base_lr-0.0002.layers-2"));
  EXPECT_EQ(workflow->jobs[2].group_live_max, 2);
}

}  // namespace
}  // namespace tagalign::config
