// Jobs that stand for several: order, names, references, folders, and what is refused.
#include "configs/schema/reading/sweep.h"

#include <algorithm>
#include <random>

#include "base/job_graph.h"
#include "base/limits.h"
#include "configs/schema/document/inherit.h"
#include "configs/schema/reading/workflow.h"
#include "tests/unit/config/config_test_support.h"

namespace tagalign::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

using Names = std::vector<std::string>;

const std::string kConfig =
    "config: {data: {root: r, captions: c, tags: t, tag_names: n}, clip: {weights: w}, "
    "checkpoint: {keep_last: 0}}}\n";
const std::string kEvaluate =
    "config: {method: {name: tagalign}, clip: {weights: w}, datasets: [{name: d, root: r}]}}\n";

/// Line 3 of the file.
std::string tune(const std::string& sweep, const std::string& more = "") {
  return "name: w\njobs:\n  tune: {kind: train, " + more + "sweep: " + sweep + ", " + kConfig;
}

class SweepOfAFile : public ::testing::Test {
 protected:
  Result<Workflow> load(const std::string& text, const Overrides& overrides = {}) {
    return load_workflow(posix_file_system(), folder_.write("w.yml", text), overrides);
  }
  Workflow read(const std::string& text, const Overrides& overrides = {}) {
    auto workflow = load(text, overrides);
    EXPECT_TRUE(workflow.ok()) << workflow.status().message();
    return workflow.ok() ? *std::move(workflow) : Workflow();
  }
  Names names(const std::string& text, const Overrides& overrides = {}) {
    Names all;
    for (const WorkflowJob& job : read(text, overrides).jobs) all.push_back(job.name);
    return all;
  }
  /// The message with the folder's name taken out.
  std::string message(const std::string& text, const Overrides& overrides = {}) {
    const auto workflow = load(text, overrides);
    if (workflow.ok()) return "accepted";
    std::string found = workflow.status().message();
    const std::string prefix = folder_.path().string() + "/";
    for (auto at = found.find(prefix); at != std::string::npos; at = found.find(prefix))
      found.erase(at, prefix.size());
    return found;
  }
  static TrainConfig train(const WorkflowJob& job) {
    const auto config = parse_job_config<TrainConfig>(job.config, job.name);
    EXPECT_TRUE(config.ok()) << config.status().message();
    return config.ok() ? *config : TrainConfig();
  }
  static EvaluateConfig evaluation(const WorkflowJob& job) {
    const auto config = parse_job_config<EvaluateConfig>(job.config, job.name);
    EXPECT_TRUE(config.ok()) << config.status().message();
    return config.ok() ? *config : EvaluateConfig();
  }

  TemporaryFolder folder_;
};

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
      "  e: {kind: evaluate, sweep: {grid: {datasets.0: [{_base_: day.yml, window: 64}, "
      "{name: Night, root: /n}], read_ahead: [\"${n}\"]}}, "
      "config: {method: {name: clip}, clip: {weights: w}}}\n",
      {"vars.n=3"});
  ASSERT_EQ(workflow.jobs.size(), 2u);
  EXPECT_EQ(workflow.jobs[0].name, "e.datasets-0-day.read_ahead-3");
  EXPECT_EQ(workflow.jobs[1].name, "e.datasets-0-night.read_ahead-3");
  EXPECT_EQ(evaluation(workflow.jobs[0]).datasets[0].root, "/day");
  EXPECT_EQ(evaluation(workflow.jobs[0]).datasets[0].window, 64);
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

TEST_F(SweepOfAFile, Concurrency_IsAsManyChains) {
  const Workflow workflow =
      read(tune("{grid: {steps: [1, 2, 3, 4, 5]}, concurrency: 2}", "after_any: [draw], ") +
           "  draw: {kind: scenes, config: {validation: [{name: day}]}}\n");
  ASSERT_EQ(workflow.jobs.size(), 6u);
  EXPECT_THAT(workflow.jobs[0].after_any, ElementsAre("draw"));
  EXPECT_THAT(workflow.jobs[1].after_any, ElementsAre("draw"));
  EXPECT_THAT(workflow.jobs[2].after_any, ElementsAre("draw", "tune.steps-1"));
  EXPECT_THAT(workflow.jobs[3].after_any, ElementsAre("draw", "tune.steps-2"));
  EXPECT_THAT(workflow.jobs[4].after_any, ElementsAre("draw", "tune.steps-3"));
  for (const WorkflowJob& job : read(tune("{grid: {steps: [1, 2, 3]}, concurrency: 3}")).jobs)
    EXPECT_THAT(job.after_any, IsEmpty());
}

// ---------------------------------------------------------------- refusals

TEST_F(SweepOfAFile, WhatGivesNoCombination_IsRefusedWithItsLine) {
  const std::pair<const char*, const char*> cases[] = {
      {"3", "w.yml:3: jobs.tune.sweep: expected a map of keys, found '3'"},
      {"{}", "w.yml:3: jobs.tune.sweep: expected grid, zip or list, found none of them"},
      {"{concurrency: 2}", "w.yml:3: jobs.tune.sweep: expected grid, zip or list, found none"},
      {"{gird: {steps: [1]}}", "w.yml:3: unknown key in jobs.tune.sweep: 'gird'; did you mean"},
      {"{grid: {}}",
       "w.yml:3: jobs.tune.sweep.grid: expected a map from keys to lists of values, "
       "found an empty one"},
      {"{grid: 1}",
       "w.yml:3: jobs.tune.sweep.grid: expected a map from keys to lists of values, "
       "found '1'"},
      {"{grid: {steps: []}}", "jobs.tune.sweep.grid.steps: expected a list of values, found none"},
      {"{grid: {steps: 1}}", "jobs.tune.sweep.grid.steps: expected a list of values, found '1'"},
      {"{zip: {a: [1, 2], b: [1]}}",
       "jobs.tune.sweep.zip: expected lists of equal lengths, found 2 for 'a' and 1 for 'b'"},
      {"{list: {steps: 1}}",
       "jobs.tune.sweep.list: expected a list of maps from keys to values, "
       "found a map"},
      {"{list: []}",
       "jobs.tune.sweep.list: expected a list of maps from keys to values, found "
       "none"},
      {"{list: [{steps: 1}, {}]}",
       "jobs.tune.sweep.list.1: expected a map from keys to values, found an empty one"},
      {"{list: [7]}", "jobs.tune.sweep.list.0: expected a map from keys to values, found '7'"},
      {"{grid: {steps: [1, 2]}, concurrency: 0}",
       "jobs.tune.sweep.concurrency: expected an integer from 1 to 10000, found '0'"},
  };
  for (const auto& [sweep, expected] : cases)
    EXPECT_THAT(message(tune(sweep)), HasSubstr(expected)) << sweep;
}

TEST_F(SweepOfAFile, EqualCombinations_AreRefused) {
  EXPECT_EQ(message(tune("\n      {grid: {optimizer.base_lr: [1e-3, 5, 0.001]}}")),
            "w.yml:4: jobs.tune.sweep.grid.optimizer.base_lr: expected combinations that differ, "
            "found the same at 0 and 2");
  EXPECT_THAT(message(tune("{zip: {steps: [1, 1], runtime.seed: [2, 2]}}")),
              HasSubstr("jobs.tune.sweep.zip: expected combinations that differ"));
  EXPECT_THAT(message(tune("{list: [{steps: 1}, {steps: 1}]}")),
              HasSubstr("jobs.tune.sweep.list: expected combinations that differ"));
  EXPECT_EQ(message(tune("{zip: {steps: [1, 1], runtime.seed: [2, 3]}}")), "accepted");
}

TEST_F(SweepOfAFile, KeysThatCannotBeSwept_AreRefused) {
  const std::pair<const char*, const char*> cases[] = {
      {"{grid: {steps: [1]}, zip: {steps: [2]}}", "zip.steps: 'steps', or a key within it, is"},
      {"{grid: {optimizer.base_lr: [1], optimizer: [{}]}}", "'optimizer', or a key within it, is"},
      {"{grid: {a..b: [1]}}", "a part of the key path 'a..b' is empty"},
      {"{grid: {job: [1]}}", "expected a key of the job, such as job.ranks"},
      {"{grid: {job.kind: [train]}}", "'job.kind' cannot be swept; write a job for each"},
      {"{grid: {job.on_commit_of: [a]}}", "'job.on_commit_of' cannot be swept"},
      {"{grid: {job.sweep: [{}]}}", "'job.sweep' cannot be swept"},
      {"{grid: {job.config.steps: [1]}}", "write the path inside config, without job.config."},
      {"{grid: {stesp: [1]}}", "unknown key in jobs.tune.stesp-1.config: 'stesp'; did you mean"},
      {"{grid: {data.root.x: [1, 2]}}", "'x' cannot be set inside 'r', which is not a map"},
  };
  for (const auto& [sweep, expected] : cases)
    EXPECT_THAT(message(tune(sweep)), HasSubstr(expected)) << sweep;
  EXPECT_THAT(message(tune("{grid: {" + std::string(300, 'a') + ": [1]}}")),
              HasSubstr("expected a key path of at most 256 characters, found 300"));
}

TEST_F(SweepOfAFile, BadValues_AreToldWithTheLineOfTheSweep) {
  EXPECT_EQ(message(tune("\n      {grid: {steps: [10,\n        0]}}")),
            "w.yml:5: jobs.tune.steps-0.config.steps: expected an integer from 1 upwards, found "
            "'0'");
  EXPECT_THAT(message(tune("{grid: {job.ranks: [2, 3]}}")),
              HasSubstr("jobs.tune.ranks-3: expected ranks to divide global_batch (512), found 3"));
  EXPECT_THAT(message(tune("{grid: {checkpoint.directory: [a, ./a]}}")),
              HasSubstr("expected a folder of its own, found 'a', which 'tune.directory-a' writes "
                        "to"));
}

TEST_F(SweepOfAFile, TooMany_AreRefusedBeforeTheyAreMade) {
  std::string values = "0";
  for (int i = 1; i < 1000; ++i) values += "," + std::to_string(i);
  const std::string thousand = ": [" + values + "]";
  EXPECT_EQ(message(tune("{grid: {a" + thousand + ", b" + thousand + ", c" + thousand + "}}")),
            "w.yml:3: jobs.tune.sweep: expected at most 10000 jobs in a workflow, found 1000000000 "
            "of this sweep beside 0 others; give fewer values");
  std::string many = "{grid: {";
  for (int i = 0; i < 20; ++i) many += "k" + std::to_string(i) + thousand + ", ";
  EXPECT_THAT(message(tune(many + "}}")),
              HasSubstr("found 1000000000000000000 or more of this sweep"));
  const std::string half = tune("{grid: {steps" + thousand + ", x: [1,2,3,4,5,6]}}");
  EXPECT_THAT(message(half + "  scores: {kind: evaluate, on_commit_of: tune, " + kEvaluate),
              HasSubstr("w.yml:4: jobs.scores: expected at most 10000 jobs in a workflow, found "
                        "6000 of this sweep beside 6000 others"));
  EXPECT_THAT(
      message(tune("{grid: {steps" + thousand + ", x: [1,2,3]}}", "extra" + thousand + ", ")),
      HasSubstr("jobs.tune.sweep: expected at most 2000000 keys and values in all its "
                "jobs, found"));
}

TEST_F(SweepOfAFile, TooManyReferences_AreRefused) {
  std::string values = "1";
  for (int i = 2; i <= 900; ++i) values += "," + std::to_string(i);
  const std::string sweep = "{grid: {steps: [" + values + "]}}";
  EXPECT_THAT(message(tune(sweep) + "  next: {kind: train, after: [tune], sweep: " + sweep + ", " +
                      kConfig),
              HasSubstr("expected at most 200000 names in after and after_any of all jobs"));
}

TEST_F(SweepOfAFile, References_ThatDoNotFit_AreRefused) {
  const std::string swept = tune("{grid: {steps: [10, 20]}}");
  const auto draw = [](const std::string& keys) {
    return "  draw: {kind: scenes, " + keys + ", config: {validation: [{name: day}]}}\n";
  };
  EXPECT_THAT(message(swept + draw("after: [tun]")),
              HasSubstr("w.yml:4: jobs.draw.after.0: unknown job 'tun'; did you mean 'tune'?"));
  EXPECT_THAT(message(swept + draw("after: [tune, tune.steps-10]")),
              HasSubstr("jobs.draw.after.2: 'tune.steps-10' stands here twice"));
  EXPECT_THAT(message(tune("{grid: {steps: [10, 20]}}", "after: [tune], ")), HasSubstr("circle"));
  EXPECT_THAT(message(swept +
                      "  s: {kind: evaluate, on_commit_of: tune, sweep: {grid: "
                      "{multilabel: [true]}, concurrency: 1}, " +
                      kEvaluate),
              HasSubstr("w.yml:4: jobs.s.sweep.concurrency: bounds jobs that run once"));
  EXPECT_THAT(message(swept + "  s: {kind: evaluate, on_commit_of: tune, " + kEvaluate +
                      "  t: {kind: evaluate, on_commit_of: s, " + kEvaluate),
              HasSubstr("w.yml:5: jobs.t.on_commit_of: expected a train job, found 's', which "
                        "follows checkpoints itself"));
  EXPECT_THAT(message(swept, {"jobs.tune.config.checkpoint.keep_last=3",
                              "jobs.s={kind: evaluate, on_commit_of: tune, config: {clip: "
                              "{weights: w}, datasets: [{name: d, root: r}]}}"}),
              HasSubstr("expected 'tune.steps-10' to keep all checkpoints"));
}

TEST_F(SweepOfAFile, NameWithoutRoomForALabel_IsRefused) {
  const std::string longest(48, 'n');
  const std::string sweep = ": {kind: train, sweep: {grid: {steps: [10]}}, " + kConfig;
  EXPECT_THAT(names("name: w\njobs:\n  " + longest + sweep), ElementsAre(longest + ".steps-10"));
  EXPECT_THAT(message("name: w\njobs:\n  n" + longest + sweep),
              HasSubstr("becomes several jobs, NAME.LABEL: expected a name of at most 48 "
                        "characters, found 49"));
  EXPECT_EQ(message("name: w\njobs:\n  Tune" + sweep),
            "w.yml:3: 'Tune' is no name: expected [a-z0-9], then [a-z0-9_.-], at most 64 "
            "characters");
}

// ---------------------------------------------------------------- any sweep at all

/// Text of a map that may be a sweep.
class RandomSweep {
 public:
  explicit RandomSweep(std::uint32_t seed) : random_(seed) {}

  std::string sweep() {
    std::string text = "{";
    for (const char* section : {"grid", "zip"}) {
      if (one_in(2)) text += std::string(section) + ": " + columns() + ", ";
    }
    if (one_in(3)) text += "list: [" + point() + ", " + point() + "], ";
    if (one_in(3)) text += "concurrency: " + std::to_string(below(4)) + ", ";
    if (one_in(30)) text += "grd: 1, ";
    return text + "}";
  }
  bool one_in(std::uint32_t n) { return below(n) == 0; }
  std::uint32_t below(std::uint32_t n) { return static_cast<std::uint32_t>(random_()) % n; }

 private:
  std::string key() {
    static const Names kKeys = {"steps", "optimizer.base_lr", "job.ranks",  "a",      "a.b",
                                "a.b.c", "data.root",         "job.kind",   "job",    "Ä",
                                "x.",    "job.priority",      "list.0.x",   "output", "datasets.0",
                                "b",     "checkpoint",        "job.config", "label",  "job.after"};
    return kKeys[below(static_cast<std::uint32_t>(kKeys.size()))];
  }
  std::string value() {
    static const Names kValues = {"1",  "2",    "1e-3", "\"\"",  "text", "[1, 2]", "{name: n}",
                                  "{}", "null", "true", "/a/b",  "[]",   "0.001",  "{x: {y: [z]}}",
                                  "-3", "+4",   "nan",  "Größe", "1e99", "[tune]", "0x10"};
    return kValues[below(static_cast<std::uint32_t>(kValues.size()))];
  }
  std::string columns() {
    if (one_in(20)) return value();
    std::string text = "{";
    Names used;
    for (std::uint32_t i = below(3) + 1; i > 0; --i) {
      const std::string name = key();
      if (std::ranges::find(used, name) != used.end()) continue;
      used.push_back(name);
      text += "\"" + name + "\": [";
      for (std::uint32_t k = below(4) + (one_in(10) ? 0 : 1); k > 0; --k) text += value() + ", ";
      text += "], ";
    }
    return text + "}";
  }
  std::string point() {
    const std::string first = key(), second = key();
    std::string text = "{\"" + first + "\": " + value();
    if (first != second && one_in(2)) text += ", \"" + second + "\": " + value();
    return text + "}";
  }

  std::mt19937 random_;
};

std::vector<JobNode> graph_of(const Node& jobs) {
  std::vector<JobNode> nodes;
  for (const Entry& entry : jobs.entries) {
    JobNode job{entry.key, {}, ""};
    for (const char* key : {"after", "after_any"}) {
      const Node* list = entry.value.find(key);
      if (list == nullptr) continue;
      for (const Node& item : list->items) job.after.push_back(item.scalar);
    }
    if (const Node* source = entry.value.find("on_commit_of")) job.on_commit_of = source->scalar;
    nodes.push_back(job);
  }
  return nodes;
}

TEST(RandomSweeps, AreRefusedOrGiveAGraphThatIsWhole) {
  int unfolded = 0;
  for (std::uint32_t seed = 0; seed < 4000; ++seed) {
    RandomSweep random(seed);
    std::string text = "name: w\njobs:\n  tune: {kind: train, sweep: " + random.sweep() +
                       ", config: {data: {root: r}}}\n  e: {kind: evaluate, on_commit_of: tune, ";
    if (random.one_in(2)) text += "sweep: " + random.sweep() + ", ";
    text += "config: {}}\n  end: {kind: pretrain, after: [e], after_any: [tune]}\n";
    auto root = read_text(text, "w.yml");
    ASSERT_TRUE(root.ok()) << text << root.status().message();
    Problems problems;
    expand_sweeps(*root, problems);
    if (!problems.empty() || text.find("job.after") != std::string::npos) continue;
    ++unfolded;
    const auto faults = check_job_graph(graph_of(*root->find("jobs")));
    ASSERT_TRUE(faults.empty()) << text << "first fault: job "
                                << root->find("jobs")->entries[faults.front().job].key;
    Node again = *read_text(text, "w.yml");
    expand_sweeps(again, problems);
    ASSERT_TRUE(same_contents(*root, again)) << text;
  }
  EXPECT_GT(unfolded, 400);
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
  EXPECT_THAT(workflow->jobs[2].after_any, ElementsAre(StartsWith("tune.")));
}

}  // namespace
}  // namespace tagalign::config
