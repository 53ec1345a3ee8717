// What is refused of a sweep, in which words, and that any text is either refused or whole.
#include <algorithm>
#include <random>

#include "base/job_graph.h"
#include "configs/schema/document/inherit.h"
#include "configs/schema/reading/sweep.h"
#include "tests/unit/config/sweep_support.h"

namespace tagalign::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

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
              HasSubstr("expected at most 200000 names in after, after_any and after_commit of"));
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
class Draw {
 public:
  explicit Draw(std::uint32_t seed) : random_(seed) {}

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
    for (const char* key : {"after", "after_any", "after_commit"}) {
      const Node* list = entry.value.find(key);
      if (list == nullptr) continue;
      for (const Node& item : list->items) job.after.push_back(item.scalar);
    }
    if (const Node* source = entry.value.find("on_commit_of")) job.on_commit_of = source->scalar;
    nodes.push_back(job);
  }
  return nodes;
}

TEST(RandomSweep, OfAnyText_IsRefusedOrGivesAGraphThatIsWhole) {
  int unfolded = 0;
  for (std::uint32_t seed = 0; seed < 4000; ++seed) {
    Draw random(seed);
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
  EXPECT_GT(unfolded, 300);
}

}  // namespace
}  // namespace tagalign::config
