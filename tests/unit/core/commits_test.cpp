// Jobs that wait for a checkpoint, and evaluations of the best one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/core/world.h"

namespace tagalign::core {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using wire::JobVerb;
using wire::Outcome;

struct CommitsTest : testing::Test, Bench {
  static wire::JobSpec after_commit(std::string name, std::string source, std::uint64_t step) {
    wire::JobSpec spec = make_job(std::move(name));
    spec.after_commit = {{std::move(source), step}};
    return spec;
  }
  static wire::JobSpec follows(std::string name, std::string best_of = {}) {
    wire::JobSpec spec = make_job(std::move(name), "evaluate");
    spec.on_commit_of = "train";
    spec.best_of = std::move(best_of);
    if (!spec.best_of.empty()) spec.best_dataset = "voc";
    return spec;
  }
  void requeue(std::uint64_t job) { give(JobChangeAsked{{job}, JobVerb::kRequeue, {}, {}, {}}); }
  /// Of two classes with 100 pixels each in the union.
  void scored(std::uint64_t job, std::string key, std::uint64_t first, std::uint64_t second,
              std::string dataset = "voc") {
    wire::EvaluationResult result;
    result.key = std::move(key);
    result.dataset = std::move(dataset);
    result.classes = {"sky", "tree"};
    result.intersect = {first, second};
    result.union_ = {100, 100};
    result.labelled = result.predicted = {100, 100};
    report("a", wire::ResultReported{{job}, job_of(job).attempt, result});
  }
  void evaluate(std::uint64_t job, std::uint64_t first, std::uint64_t second) {
    scored(job, "k" + std::to_string(job), first, second);
    ended("a", job, job_of(job).attempt.value, Outcome::kSucceeded);
  }
  std::vector<std::string> instances(std::size_t pattern) {
    std::vector<std::string> names;
    for (const JobId id : state.templates.at(pattern).instances)
      names.push_back(state.jobs.at(id).spec.name);
    return names;
  }
  std::string why(std::uint64_t id) { return explain(state, {id}, now).front(); }
  Job& job_of(std::uint64_t id) { return job(id); }
};

// ---------------------------------------------------------------- after_commit

TEST_F(CommitsTest, AfterCommit_StartsWithTheFirstOfThatStepOrLater) {
  submit({make_job("train"), after_commit("next", "train", 500)});
  join("a", 4);
  committed(1, 1, 499);
  EXPECT_EQ(state_of(2), "queued");
  committed(1, 1, 600);
  EXPECT_EQ(state_of(2), "starting");
}

TEST_F(CommitsTest, AfterCommit_ThatWasSavedOnRequest_IsEnough) {
  submit({make_job("train"), after_commit("next", "train", 500)});
  join("a", 4);
  committed(1, 1, 500, false);
  EXPECT_EQ(state_of(2), "starting");
}

TEST_F(CommitsTest, AfterCommit_SourceEndsWithoutIt_IsCancelledWithTheReason) {
  const std::pair<Outcome, std::string> ends[] = {{Outcome::kSucceeded, "succeeded"},
                                                  {Outcome::kFailed, "failed"}};
  for (const auto& [outcome, word] : ends) {
    Bench b;
    b.submit({make_job("train"), after_commit("next", "train", 500),
              make_job("last", "train", 1, {"next"})});
    b.join("a", 4);
    b.committed(1, 1, 300);
    b.ended("a", 1, 1, outcome, 300, outcome == Outcome::kFailed ? 93 : 0);
    EXPECT_EQ(b.state_of(2) + b.state_of(3), "cancelledcancelled");
    EXPECT_THAT(explain(b.state, {2}, b.now).front(),
                HasSubstr("it waits for a checkpoint of step 500 of 'train' (job 1), which " +
                          word + " without one"));
  }
}

TEST_F(CommitsTest, AfterCommit_SourceTriedAgain_BringsBackWhatWasCancelledForIt) {
  submit({make_job("train"), after_commit("next", "train", 500)});
  join("a", 4);
  ended("a", 1, 1, Outcome::kFailed, 0, 93);
  EXPECT_EQ(state_of(2), "cancelled");
  requeue(1);
  EXPECT_EQ(state_of(2), "queued");
  committed(1, 2, 500);
  EXPECT_EQ(state_of(2), "starting");
}

TEST_F(CommitsTest, AfterCommit_OnceMet_DoesNotMindHowTheSourceEnds) {
  submit({make_job("train"), after_commit("next", "train", 5)});
  join("a", 4);
  committed(1, 1, 5);
  ended("a", 2, 1, Outcome::kLaunchFailed);
  ended("a", 1, 1, Outcome::kFailed, 5, 93);
  EXPECT_EQ(state_of(2), "queued");
  now += limits::kLaunchRetryMs;
  give(TimePassed{});
  EXPECT_EQ(state_of(2), "starting");
}

TEST_F(CommitsTest, AfterCommit_Restart_WaitsForTheSame) {
  submit({make_job("train"), after_commit("one", "train", 5), after_commit("two", "train", 9)});
  join("a", 4);
  committed(1, 1, 5);
  build_index(state);
  EXPECT_EQ(state_of(2), "starting");
  committed(1, 1, 8);
  EXPECT_EQ(state_of(3), "queued");
  committed(1, 1, 9);
  EXPECT_EQ(state_of(3), "starting");
}

TEST_F(CommitsTest, AfterCommit_Explain_SaysHowFarItIsAndWhen) {
  submit({make_job("train"), after_commit("next", "train", 500)});
  join("a", 4);
  EXPECT_THAT(why(2),
              testing::StrEq("waits for a checkpoint of step 500 of 'train' (job 1), which is "
                             "starting and has no checkpoint yet"));
  now += 10'000;
  committed(1, 1, 100);
  EXPECT_THAT(why(2), HasSubstr("has checkpoints up to step 100; expected in about 40.0 s"));
}

// A job that was cancelled and tried again is told once, not twice, that what it waits for is over.
TEST_F(CommitsTest, CancelledAndTriedAgain_StillWaitsForAll) {
  submit({make_job("x"), make_job("y"), make_job("z", "train", 1, {"x", "y"})});
  join("a", 4);
  give(CancelRequested{{3}});
  requeue(3);
  ended("a", 1, 1, Outcome::kSucceeded);
  EXPECT_EQ(state_of(3), "queued") << "y still runs";
  ended("a", 2, 1, Outcome::kSucceeded);
  EXPECT_EQ(state_of(3), "starting");
}

// ---------------------------------------------------------------- best

TEST_F(CommitsTest, Best_IsChosenWhenAllEvaluationsHaveEnded) {
  submit({make_job("train"), follows("scores"), follows("final", "scores"),
          make_job("end", "train", 1, {"final"})});
  join("a", 9);
  for (const std::uint64_t step : {10, 20, 30}) committed(1, 1, step);
  EXPECT_THAT(instances(1), IsEmpty());
  evaluate(3, 40, 40);
  evaluate(4, 70, 50);
  ended("a", 1, 1, Outcome::kSucceeded, 30);
  EXPECT_THAT(instances(1), IsEmpty()) << "step 30 is not known yet";
  EXPECT_EQ(state_of(2), "queued");
  evaluate(5, 50, 50);
  EXPECT_THAT(instances(1), ElementsAre("final@20"));
  EXPECT_THAT(job(6).spec.overrides, ElementsAre("checkpoint=/c/20"));
  EXPECT_THAT(job(6).notices.back(),
              HasSubstr("step 20 has the best mean IoU on voc, 60.00 %, of 3 checkpoints"));
  EXPECT_EQ(state_of(2), "queued") << "it comes after the best one";
  ended("a", 6, 1, Outcome::kSucceeded);
  EXPECT_EQ(state_of(2), "starting");
}

TEST_F(CommitsTest, Best_OfEqualScores_IsTheEarlierStep) {
  submit({make_job("train"), follows("scores"), follows("final", "scores")});
  join("a", 9);
  for (const std::uint64_t step : {10, 20}) committed(1, 1, step);
  evaluate(2, 70, 30);
  evaluate(3, 50, 50);
  ended("a", 1, 1, Outcome::kSucceeded, 20);
  EXPECT_THAT(instances(1), ElementsAre("final@10"));
}

TEST_F(CommitsTest, Best_CountsOnlyItsDataSet_AndOfSeveralResultsTheHighest) {
  submit({make_job("train"), follows("scores"), follows("final", "scores")});
  join("a", 9);
  for (const std::uint64_t step : {10, 20}) committed(1, 1, step);
  scored(2, "other", 99, 99, "coco");
  scored(2, "low", 10, 10);
  evaluate(2, 30, 30);
  scored(3, "lower", 1, 1);
  evaluate(3, 40, 40);
  ended("a", 1, 1, Outcome::kSucceeded, 20);
  EXPECT_THAT(instances(1), ElementsAre("final@20"));
}

TEST_F(CommitsTest, Best_AResultThatAnotherWorkflowReportedFirst_CountsHereToo) {
  submit({make_job("earlier", "evaluate")});
  join("a", 9);
  scored(1, "shared", 90, 90);
  ended("a", 1, 1, Outcome::kSucceeded);
  submit({make_job("train"), follows("scores"), follows("final", "scores")});
  for (const std::uint64_t step : {10, 20}) committed(2, 1, step);
  scored(3, "shared", 90, 90);
  ended("a", 3, 1, Outcome::kSucceeded);
  evaluate(4, 50, 50);
  ended("a", 2, 1, Outcome::kSucceeded, 20);
  EXPECT_THAT(instances(1), ElementsAre("final@10"));
}

TEST_F(CommitsTest, Best_OneEvaluationFailed_IsChosenAmongTheOthers) {
  submit({make_job("train"), follows("scores"), follows("final", "scores")});
  join("a", 9);
  for (const std::uint64_t step : {10, 20}) committed(1, 1, step);
  ended("a", 1, 1, Outcome::kSucceeded, 20);
  evaluate(2, 10, 10);
  ended("a", 3, 1, Outcome::kFailed, 0, 93);
  EXPECT_THAT(instances(1), ElementsAre("final@10"));
  EXPECT_THAT(job(4).notices.back(), HasSubstr("of 1 checkpoints with a score; 'scores' was to "
                                               "evaluate 2"));
}

TEST_F(CommitsTest, Best_NoScoreAtAll_StartsNothingAndSaysSo) {
  submit({make_job("train"), follows("scores"), follows("final", "scores")});
  join("a", 9);
  committed(1, 1, 10);
  ended("a", 1, 1, Outcome::kSucceeded, 10);
  give(CancelRequested{{2}});
  ended("a", 2, 1, Outcome::kSavedAndLeft);
  EXPECT_THAT(instances(1), IsEmpty());
  EXPECT_THAT(job(1).notices.back(), HasSubstr("'final' starts for no checkpoint"));
}

TEST_F(CommitsTest, Best_TrainingFailed_StartsNothing) {
  submit({make_job("train"), follows("scores"), follows("final", "scores"),
          make_job("end", "train", 1, {"final"})});
  join("a", 9);
  committed(1, 1, 10);
  evaluate(3, 10, 10);
  ended("a", 1, 1, Outcome::kFailed, 10, 93);
  EXPECT_THAT(instances(1), IsEmpty());
  EXPECT_EQ(state_of(2), "cancelled");
}

TEST_F(CommitsTest, WhatMakesNoSense_IsRefused) {
  const auto refusal = [](std::vector<wire::JobSpec> jobs) {
    return validate(make_workflow(std::move(jobs))).message();
  };
  EXPECT_THAT(refusal({make_job("train"), after_commit("next", "trian", 5)}),
              HasSubstr("after_commit names 'trian', which is no job"));
  EXPECT_THAT(refusal({make_job("train"), follows("scores"), after_commit("next", "scores", 5)}),
              HasSubstr("after_commit names 'scores', which follows checkpoints"));
  EXPECT_THAT(
      refusal({make_job("train"), follows("final", "train")}),
      HasSubstr("best_of names 'train', which does not evaluate the checkpoints of 'train'"));
  EXPECT_THAT(refusal({make_job("train"), follows("a", "b"), follows("b", "a")}),
              HasSubstr("break the circle"));
  wire::JobSpec both = follows("final", "scores");
  both.last_commit = true;
  EXPECT_THAT(refusal({make_job("train"), follows("scores"), both}), HasSubstr("make two jobs"));
  both = follows("final", "scores");
  both.best_dataset = "";
  EXPECT_THAT(refusal({make_job("train"), follows("scores"), both}), HasSubstr("needs both"));
  wire::JobSpec scores = follows("scores");
  scores.after = {"final"};
  EXPECT_THAT(refusal({make_job("train"), scores, follows("final", "scores")}),
              HasSubstr("break the circle"));
}

}  // namespace
}  // namespace tagalign::core
