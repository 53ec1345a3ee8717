#include "configs/schema/reading/workflow.h"

#include "base/format.h"

#include "tests/unit/config/config_test_support.h"

namespace tagalign::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsSupersetOf;
using ::testing::Not;

const std::string kDraw = "{kind: scenes, config: {validation: [{name: day}]}}\n";
const std::string kClip =
    "{kind: pretrain, after: [draw], ranks: 2, config: {data: {root: r, captions: c}, "
    "checkpoint: {directory: clip_checkpoints}}}\n";
const std::string kTrain =
    "{kind: train, after: [clip], config: {data: {root: r, captions: c, tags: t, tag_names: n}, "
    "clip: {weights: w}, checkpoint: {keep_last: 0}}}\n";
const std::string kScores =
    "{kind: evaluate, on_commit_of: fit, config: {clip: {weights: w}, datasets: [{name: d, root: "
    "r}]}}\n";
const std::string kAll = "name: all\njobs:\n  draw: " + kDraw + "  clip: " + kClip +
                         "  fit: " + kTrain + "  scores: " + kScores;

class WorkflowFile : public ::testing::Test {
 protected:
  Result<Workflow> load(const std::string& text, const Overrides& overrides = {}) {
    return load_workflow(posix_file_system(), folder_.write("w.yml", text), overrides);
  }
  /// The message with the folder's name taken out.
  std::string message(const std::string& text, const Overrides& overrides = {}) {
    const auto workflow = load(text, overrides);
    if (workflow.ok()) return "accepted";
    std::string found = workflow.status().message();
    const std::string prefix = folder_.path().string() + "/";
    for (auto at = found.find(prefix); at != std::string::npos; at = found.find(prefix)) {
      found.erase(at, prefix.size());
    }
    return found;
  }

  TemporaryFolder folder_;
};

TEST_F(WorkflowFile, Complete_GivesJobsInOrderWithEffectiveConfigurations) {
  const auto workflow = load(kAll);
  ASSERT_TRUE(workflow.ok()) << workflow.status().message();
  EXPECT_EQ(workflow->name, "all");
  EXPECT_EQ(workflow->workspace, "");
  ASSERT_EQ(workflow->jobs.size(), 4u);
  EXPECT_EQ(workflow->jobs[0].name, "draw");
  EXPECT_EQ(workflow->jobs[0].kind, "scenes");
  EXPECT_EQ(workflow->jobs[1].kind, "pretrain");
  EXPECT_EQ(workflow->jobs[1].ranks, 2);
  EXPECT_THAT(workflow->jobs[1].after, ElementsAre("draw"));
  EXPECT_EQ(workflow->jobs[2].kind, "train");
  EXPECT_EQ(workflow->jobs[2].retries_max, 3);
  EXPECT_EQ(workflow->jobs[3].on_commit_of, "fit");
  const auto train = parse_job_config<TrainConfig>(workflow->jobs[2].config, "effective");
  ASSERT_TRUE(train.ok()) << train.status().message();
  EXPECT_EQ(train->steps, 30001u);
  EXPECT_THAT(workflow->jobs[2].config, HasSubstr("weight_decay: 0.05"));
}

TEST_F(WorkflowFile, Overrides_ReachJobsAndTheirConfigurations) {
  const auto workflow = load(kAll, {"jobs.fit.config.steps=7", "jobs.clip.ranks=4", "workspace=/w",
                                    "jobs.scores.config.datasets.0.ignore_index=0"});
  ASSERT_TRUE(workflow.ok()) << workflow.status().message();
  EXPECT_THAT(workflow->jobs[2].config, HasSubstr("steps: 7\n"));
  EXPECT_EQ(workflow->jobs[1].ranks, 4);
  EXPECT_EQ(workflow->workspace, "/w");
  EXPECT_THAT(workflow->jobs[3].config, HasSubstr("ignore_index: 0\n"));
}

TEST_F(WorkflowFile, BaseInsideAConfig_IsRelativeToTheFileAndYieldsToOverrides) {
  folder_.write("lib/train.yml",
                "steps: 9\nglobal_batch: 6\ndata: {root: r, captions: c, tags: t, tag_names: n}\n");
  const auto workflow = load(
      "name: w\njobs:\n  fit: {kind: train, config: {_base_: lib/train.yml, clip: {weights: w}}}\n",
      {"jobs.fit.config.global_batch=8"});
  ASSERT_TRUE(workflow.ok()) << workflow.status().message();
  EXPECT_THAT(workflow->jobs[0].config, HasSubstr("steps: 9\n"));
  EXPECT_THAT(workflow->jobs[0].config, HasSubstr("global_batch: 8\n"));
}

TEST_F(WorkflowFile, Vars_AreSubstitutedInEveryText) {
  const auto workflow = load(
      "name: w\nvars: {out: /data, count: 3}\njobs:\n  draw: {kind: scenes, config: {output: "
      "\"${out}/x $${y}\", train_count: \"${count}\", validation: [{name: day, count: "
      "\"${count}\"}]}}\n",
      {"vars.out=/mnt", "jobs.draw.config.train_count=5"});
  ASSERT_TRUE(workflow.ok()) << workflow.status().message();
  EXPECT_THAT(workflow->jobs[0].config, HasSubstr("output: \"/mnt/x ${y}\""));
  EXPECT_THAT(workflow->jobs[0].config, HasSubstr("    count: 3\n"));
}

TEST_F(WorkflowFile, Order_PriorityLimitAndChoiceOfCommits) {
  const auto workflow =
      load(kAll, {"jobs.clip.priority=10", "jobs.fit.time_limit=1h30m", "jobs.draw.after_any=[]",
                  "jobs.scores.commits={every: 5, last: true}"});
  ASSERT_TRUE(workflow.ok()) << workflow.status().message();
  EXPECT_EQ(workflow->jobs[1].priority, 10);
  EXPECT_EQ(workflow->jobs[2].time_limit_s, 5400);
  EXPECT_EQ(workflow->jobs[3].commits, (CommitChoice{.every = 5, .last = true}));
  const auto ended = load(kAll, {"jobs.fit.after_any=[draw]"});
  ASSERT_TRUE(ended.ok()) << ended.status().message();
  EXPECT_THAT(ended->jobs[2].after_any, ElementsAre("draw"));
}

TEST_F(WorkflowFile, Order_WhatMakesNoSense_IsSaidWithItsKey) {
  EXPECT_THAT(message(kAll, {"jobs.fit.time_limit=90"}),
              HasSubstr("jobs.fit.time_limit: expected a time such as 8h"));
  EXPECT_THAT(message(kAll, {"jobs.fit.priority=1001"}), HasSubstr("jobs.fit.priority"));
  EXPECT_THAT(message(kAll, {"jobs.fit.commits={every: 2}"}),
              HasSubstr("jobs.fit.commits: chooses among the checkpoints of on_commit_of"));
  EXPECT_THAT(message(kAll, {"jobs.clip.after_any=[scores]"}),
              HasSubstr("'scores' follows checkpoints; name a job that runs once"));
  EXPECT_THAT(message(kAll, {"jobs.clip.after_any=[draws]"}), HasSubstr("jobs.clip.after_any.0: "));
  EXPECT_THAT(message(kAll, {"jobs.clip.after_any=[draw]"}), HasSubstr("'draw' stands here twice"));
  EXPECT_THAT(message(kAll, {"jobs.draw.after_any=[fit]"}), HasSubstr("circle"));
}

TEST_F(WorkflowFile, AfterCommit_NamesJobAndStep) {
  const auto workflow = load(kAll, {"jobs.fit.after=[]", "jobs.fit.after_commit=[clip@500]"});
  ASSERT_TRUE(workflow.ok()) << workflow.status().message();
  EXPECT_THAT(workflow->jobs[2].after_commit, ElementsAre(CommitWait{"clip", 500}));
}

TEST_F(WorkflowFile, AfterCommit_WhatMakesNoSense_IsSaidWithItsKey) {
  for (const char* text : {"clip", "clip@", "clip@0", "clip@x", "clip@5k", "@5"}) {
    EXPECT_THAT(message(kAll, {format("jobs.fit.after_commit=['{}']", text)}),
                HasSubstr(format("jobs.fit.after_commit: expected JOB@STEP, such as train@5000: a "
                                 "checkpoint of that step or a later one; found '{}'",
                                 text)));
  }
  EXPECT_THAT(message(kAll, {"jobs.fit.after_commit=[clop@5]"}),
              HasSubstr("jobs.fit.after_commit.0: unknown job 'clop'; did you mean 'clip'"));
  EXPECT_THAT(message(kAll, {"jobs.fit.after_commit=[clip@5]"}),
              HasSubstr("jobs.fit.after_commit.0: 'clip' stands here twice"));
  EXPECT_THAT(message(kAll, {"jobs.fit.after_commit=[draw@5]"}),
              HasSubstr("expected a job that writes checkpoints, found 'draw' of kind scenes"));
  EXPECT_THAT(message(kAll, {"jobs.clip.after_commit=[scores@5]"}),
              HasSubstr("'scores' follows checkpoints; name a job that runs once"));
  EXPECT_THAT(message(kAll, {"jobs.scores.after_commit=[clip@5]"}),
              HasSubstr("jobs.scores.after_commit: is for jobs that run once"));
  EXPECT_THAT(message(kAll, {"jobs.clip.after_commit=[fit@5]"}), HasSubstr("circle"));
}

const std::string kFinal =
    "  final: {kind: evaluate, on_commit_of: fit, commits: {best: scores, dataset: d}, config: "
    "{clip: {weights: w}, datasets: [{name: e, root: r}]}}\n";

TEST_F(WorkflowFile, Best_NamesTheEvaluationAndTheDataSet) {
  const auto workflow = load(kAll + kFinal);
  ASSERT_TRUE(workflow.ok()) << workflow.status().message();
  EXPECT_EQ(workflow->jobs[4].commits, (CommitChoice{.best = "scores", .dataset = "d"}));
}

TEST_F(WorkflowFile, Best_WhatMakesNoSense_IsSaidWithItsKey) {
  const std::string text = kAll + kFinal;
  EXPECT_THAT(message(text, {"jobs.final.commits.best=score"}),
              HasSubstr("jobs.final.commits.best: unknown job 'score'; did you mean 'scores'"));
  EXPECT_THAT(message(text, {"jobs.final.commits.best=clip"}),
              HasSubstr("jobs.final.commits.best: expected a job that evaluates the checkpoints of "
                        "'fit', found 'clip'"));
  EXPECT_THAT(message(text, {"jobs.final.commits.dataset=e"}),
              HasSubstr("jobs.final.commits.dataset: expected a data set of 'scores', found 'e'"));
  EXPECT_THAT(message(text, {"jobs.final.commits={best: scores}"}),
              HasSubstr("jobs.final.commits: expected best and dataset together"));
  EXPECT_THAT(message(text, {"jobs.final.commits.last=true"}),
              HasSubstr("jobs.final.commits: best is one checkpoint"));
  EXPECT_THAT(message(text, {"jobs.final.commits.best=final"}), HasSubstr("circle"));
}

TEST_F(WorkflowFile, VarWithoutValue_SaysHowToGiveIt) {
  EXPECT_EQ(message("name: w\nvars:\n  camvid: null\njobs: {}\n"),
            "w.yml:3: the variable 'camvid' needs a value: give it with --set vars.camvid=VALUE");
}

TEST_F(WorkflowFile, BadVars_AreRefused) {
  EXPECT_EQ(message("name: ${nam}\nvars: {name: a}\njobs: {}\n"),
            "w.yml:1: unknown variable 'nam'; did you mean 'name'?");
  EXPECT_EQ(message("name: ${x}\njobs: {}\n"),
            "w.yml:1: '${x}' uses the variable 'x', and there is no vars: map");
  EXPECT_THAT(message("name: \"${x\"\nvars: {x: y}\n"), HasSubstr("expected } after ${ in '${x'"));
  EXPECT_EQ(message("name: w\nvars: {x: [1]}\n"),
            "w.yml:2: vars.x: expected a text or number, found a list");
  EXPECT_EQ(message("name: w\nvars: 3\n"), "w.yml:2: vars: expected a map of names, found '3'");
}

TEST_F(WorkflowFile, ProblemsOfAllJobs_AreListedAtOnce) {
  EXPECT_EQ(
      message("name: w\n"
              "jobs:\n"
              "  draw: {kind: scenes, config: {validation: [{nam: day}]}}\n"
              "  Fit: {kind: trian}\n"
              "  eval:\n"
              "    kind: evaluate\n"
              "    rank: 2\n"
              "    config: {clip: {weights: w}, datasets: [{name: d, root: r, stride: 900}]}\n"),
      "w.yml:3: jobs.draw.config.validation.0.name: this key is required and missing\n"
      "w.yml:3: unknown key in jobs.draw.config.validation.0: 'nam'; did you mean 'name'?\n"
      "w.yml:4: 'Fit' is no name: expected [a-z0-9], then [a-z0-9_.-], at most 64 characters\n"
      "w.yml:4: jobs.Fit.kind: expected one of scenes, data-report, data-pack, data-tags, "
      "pretrain, train, evaluate, exec, found 'trian'; "
      "did you mean 'train'?\n"
      "w.yml:7: unknown key in jobs.eval: 'rank'; did you mean 'ranks'?\n"
      "w.yml:8: jobs.eval.config.datasets.0.stride: expected at most window (448), or pixels "
      "stay without a score; found 900");
}

TEST_F(WorkflowFile, References_MustExistAndFit) {
  EXPECT_EQ(
      message(kAll, {"jobs.clip.after=[drew]"}),
      "--set jobs.clip.after=[drew]: jobs.clip.after.0: unknown job 'drew'; did you mean 'draw'?");
  EXPECT_EQ(message(kAll, {"jobs.clip.after=[draw, draw]"}).find("stands here twice") ==
                std::string::npos,
            false);
  EXPECT_THAT(
      message(kAll, {"jobs.scores.on_commit_of=clip"}),
      HasSubstr("jobs.scores.on_commit_of: expected a train or exec job, found 'clip' of kind "
                "pretrain"));
  EXPECT_THAT(message(kAll, {"jobs.fit.config.checkpoint.keep_last=3"}),
              HasSubstr("expected 'fit' to keep all checkpoints, found checkpoint.keep_last 3"));
  EXPECT_THAT(message(kAll, {"jobs.scores.on_commit_of=fitt"}),
              HasSubstr("unknown job 'fitt'; did you mean 'fit'?"));
  EXPECT_THAT(message(kAll, {"jobs.clip.on_commit_of=fit"}),
              HasSubstr("only evaluate and exec jobs can follow checkpoints, this is pretrain"));
}

TEST_F(WorkflowFile, TwoTrainingsInOneFolder_AreRefused) {
  EXPECT_EQ(message(kAll, {"jobs.clip.config.checkpoint.directory=./checkpoints"}),
            "w.yml:5: jobs.fit.config.checkpoint.directory: expected a folder of its own, found "
            "'checkpoints', which 'clip' writes to; set jobs.fit.config.checkpoint.directory to "
            "another");
}

TEST_F(WorkflowFile, Circle_IsSpelledOut) {
  EXPECT_EQ(message(kAll, {"jobs.draw.after=[fit]"}),
            "w.yml:4: jobs wait for each other in a circle: clip → draw → fit → clip; break it");
  EXPECT_THAT(message(kAll, {"jobs.draw.after=[draw]"}), HasSubstr("circle: draw → draw"));
  EXPECT_THAT(message(kAll, {"jobs.fit.after=[scores]"}),
              HasSubstr("in a circle: fit → scores → fit"));
}

TEST_F(WorkflowFile, RanksThatDoNotDivideTheBatch_AreRefused) {
  EXPECT_THAT(message(kAll, {"jobs.clip.ranks=3"}),
              HasSubstr("jobs.clip: expected ranks to divide global_batch (256), found 3"));
}

TEST_F(WorkflowFile, WithoutJobsOrName_IsRefused) {
  EXPECT_EQ(message("name: w\n"),
            "w.yml:1: jobs: expected a map of at least one job, found nothing");
  EXPECT_EQ(message("name: w\njobs: {}\n"),
            "w.yml:2: jobs: expected a map of at least one job, found none");
  EXPECT_THAT(message("jobs:\n  draw: " + kDraw), HasSubstr("name: this key is required"));
  EXPECT_THAT(message("name: W\njobs:\n  draw: " + kDraw), HasSubstr("w.yml:1: 'W' is no name"));
  EXPECT_THAT(message("name: w\njob:\n  draw: " + kDraw), HasSubstr("did you mean 'jobs'?"));
  EXPECT_THAT(message("name: w\njobs:\n  draw: {kind: scenes}\n"),
              HasSubstr("jobs.draw.config.validation: this key is required and missing"));
}

// ---------------------------------------------------------------- the files in configs/

Path shipped(const std::string& name) {
  return Path(std::getenv("TAGALIGN_SOURCE")) / "configs" / name;
}

const Overrides kTrainPaths = {"data.root=r", "data.captions=c", "data.tags=t", "data.tag_names=n",
                               "clip.weights=w"};

TEST(ShippedConfigs, Tagalign_EqualsTheDefaultsButForThePrecision) {
  const auto config =
      load_job_config<TrainConfig>(posix_file_system(), shipped("tagalign.yml"), kTrainPaths);
  ASSERT_TRUE(config.ok()) << config.status().message();
  TrainConfig expected;
  expected.runtime.precision = Precision::kBf16;
  expected.data = {.root = "r", .captions = "c", .tags = "t", .tag_names = "n"};
  expected.clip.weights = "w";
  std::get<TagAlignTraining>(expected.method).projector.layers = 2;
  EXPECT_EQ(*config, expected);
}

TEST(ShippedConfigs, TagalignTransformer_DiffersOnlyInTheProjector) {
  auto config = load_job_config<TrainConfig>(posix_file_system(),
                                             shipped("tagalign_transformer.yml"), kTrainPaths);
  const auto base =
      load_job_config<TrainConfig>(posix_file_system(), shipped("tagalign.yml"), kTrainPaths);
  ASSERT_TRUE(config.ok()) << config.status().message();
  ASSERT_TRUE(base.ok());
  EXPECT_EQ(std::get<TagAlignTraining>(config->method).projector,
            (ProjectorConfig{.kind = ProjectorKind::kTransformer, .layers = 1}));
  config->method = base->method;
  EXPECT_EQ(*config, *base);
}

TEST(ShippedConfigs, Tcl_EqualsTheDefaultsOfItsMethod) {
  const auto config =
      load_job_config<TrainConfig>(posix_file_system(), shipped("tcl.yml"),
                                   {"data.root=r", "data.captions=c", "clip.weights=w"});
  ASSERT_TRUE(config.ok()) << config.status().message();
  EXPECT_EQ(config->method, TrainingMethod(TclTraining{}));
  EXPECT_EQ(config->optimizer.schedule, ScheduleKind::kCosine);
  EXPECT_EQ(config->optimizer.warmup_steps, 15000u);
  EXPECT_EQ(config->steps, 50000u);
}

TEST(ShippedConfigs, GroupVitTrain_IsThePublishedYfccConfiguration) {
  const auto config = load_job_config<TrainConfig>(
      posix_file_system(), shipped("methods/groupvit_train.yml"),
      {"data.root=r", "data.captions=c", "data.tags=t", "data.tag_names=n"});
  ASSERT_TRUE(config.ok()) << config.status().message();
  EXPECT_EQ(config->method, TrainingMethod(GroupVitTraining{.noun_prompts = 3}));
  EXPECT_EQ(config->global_batch, 4096);
  EXPECT_EQ(config->steps, 30u * 6997u);
}

TEST(GroupVitSection, KeysThatDoNotFit_AreNamed) {
  const auto config = load_job_config<TrainConfig>(
      posix_file_system(), shipped("methods/groupvit_train.yml"),
      {"data.root=r", "data.captions=c", "method.image.depths=[2, 2]", "method.image.heads=5"});
  ASSERT_FALSE(config.ok());
  EXPECT_THAT(config.status().message(), HasSubstr("data.tags"));
  EXPECT_THAT(config.status().message(), HasSubstr("expected one stage more than the 2"));
  EXPECT_THAT(config.status().message(), HasSubstr("method.image.width"));
}

TEST(ShippedConfigs, Eval_EqualsTheDefaults) {
  const auto config =
      load_job_config<EvaluateConfig>(posix_file_system(), shipped("eval.yml"),
                                      {"clip.weights=w", "datasets=[{name: a, root: b}]"});
  ASSERT_TRUE(config.ok()) << config.status().message();
  EvaluateConfig expected;
  expected.clip.weights = "w";
  expected.datasets = {{.name = "a", .root = "b"}};
  EXPECT_EQ(*config, expected);
}

TEST(ShippedConfigs, Demo_TrainsOnTwoRanksAtTheIssuesLearningRate) {
  const auto workflow = load_workflow(posix_file_system(), shipped("demo.yml"));
  ASSERT_TRUE(workflow.ok()) << workflow.status().message();
  std::vector<std::string> names;
  for (const WorkflowJob& job : workflow->jobs) names.push_back(job.name);
  EXPECT_THAT(names, IsSupersetOf({"scenes", "clip", "tagalign", "scores", "tcl", "scores-tcl",
                                   "surgery-attention", "clip-plain", "clip-surgery", "sclip",
                                   "clearclip"}));
  ASSERT_EQ(names[2], "tagalign");
  EXPECT_EQ(workflow->jobs[2].ranks, 2);
  const auto train = parse_job_config<TrainConfig>(workflow->jobs[2].config, "tagalign");
  ASSERT_TRUE(train.ok());
  EXPECT_DOUBLE_EQ(
      train->optimizer.base_lr * train->global_batch / train->optimizer.lr_reference_batch, 2e-4);
}

TEST(ShippedConfigs, Camvid_NeedsItsFolder) {
  const auto without = load_workflow(posix_file_system(), shipped("camvid.yml"));
  ASSERT_FALSE(without.ok());
  EXPECT_THAT(without.status().message(), HasSubstr("--set vars.camvid=VALUE"));
  const auto workflow =
      load_workflow(posix_file_system(), shipped("camvid.yml"), {"vars.camvid=/data/camvid"});
  ASSERT_TRUE(workflow.ok()) << workflow.status().message();
  for (const WorkflowJob& job : workflow->jobs) EXPECT_THAT(job.config, Not(HasSubstr("${")));
  EXPECT_THAT(workflow->jobs[1].config, HasSubstr("/data/camvid/train_captions.csv"));
}

}  // namespace
}  // namespace tagalign::config
