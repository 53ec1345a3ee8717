/// One fact of every kind, each field different from its default, as one history that can be folded.
#pragma once

#include <vector>

#include "coordinator/core/facts.h"
#include "tests/support/sample_messages.h"

namespace tagalign::store {

inline wire::EvaluationResult sample_result() {
  wire::EvaluationResult r;
  r.key = "k1";
  r.method = "tagalign";
  r.step = 40;
  r.dataset = "scenes";
  r.dataset_digest = "dd";
  r.weights_digest = "ww";
  r.protocol = {{"protocol", "v1", false}, {"clip_weight", "0.3", true}};
  r.code_version = "0.1.0";
  r.images = 2;
  r.classes = {"sky", "tree"};
  r.intersect = {1, 2};
  r.union_ = {3, 4};
  r.predicted = {2, 3};
  r.labelled = {2, 3};
  r.average_precision = {-1, 500'000'000};
  return r;
}

/// Workflow 1: 'draw' (1), 'train' after it (2), 'report' (3) behind the template 'evaluate'.
inline core::WorkflowTaken sample_workflow() {
  const WorkflowId flow{1};
  const wire::JobSpec draw{"draw", "scenes", 1, 1, {}, "", 3, "a: 1\n", {}};
  const wire::JobSpec train{"train", "train", 2, 2, {"draw"}, "", 4, "b: 2\n", {"x=1"}};
  const wire::JobSpec report{"report", "scenes", 1, 1, {"evaluate"}, "", 3, "", {}};
  const wire::JobSpec evaluate{"evaluate", "evaluate", 1, 1, {"draw"}, "train", 3, "c: 3\n", {}};
  return {flow,
          "token",
          "flow",
          "/w",
          {{{1}, flow, draw, {}, {}}, {{2}, flow, train, {{1}}, {}}, {{3}, flow, report, {}, {0}}},
          {{flow, evaluate, {2}, {{1}}, {0}}}};
}

/// Attempts that ended well, were killed, and failed for good.
struct ClosedAttempts {
  core::AttemptClosed done{
      .job = {1}, .outcome = wire::Outcome::kSucceeded, .next = core::Succeeded{9}};
  core::AttemptClosed killed{.job = {2},
                             .outcome = wire::Outcome::kRankKilled,
                             .message = "killed",
                             .last_step = 41,
                             .next = core::Queued{18, 20},
                             .program_failures = 1,
                             .stalled_failures = 2,
                             .last_failed_step = 40};
  core::AttemptClosed failed{.job = {4},
                             .outcome = wire::Outcome::kFailed,
                             .message = "exit code 93",
                             .last_step = 1,
                             .next = core::Failed{23, "exit code 93"},
                             .program_failures = 1};
};

inline core::Allocation sample_allocation(std::string token) {
  return {.token = std::move(token),
          .number = "4711",
          .stage = core::AllocationStage::kPending,
          .slurm_state = "PENDING",
          .reason = "Priority",
          .nodes = "n[1-2]",
          .asked_ms = 31,
          .started_ms = 32,
          .ends_ms = 33,
          .restarts = 1,
          .joined = true,
          .leaving_ms = 34,
          .leaving_why = "idle",
          .failures = 2,
          .not_before_ms = 35};
}

inline std::vector<core::Fact> sample_job_facts() {
  const wire::CheckpointInfo checkpoint{40, "/w/step-40", "d40", true};
  wire::JobSpec instance = sample_workflow().templates[0].spec;
  instance.name = "evaluate@40";
  instance.overrides = {"checkpoint=/w/step-40"};
  const ClosedAttempts closed;
  return {{1, sample_workflow()},
          {2, core::PoolChanged{"local", {1, 4}}},
          {3, core::AgentSeen{{"node0"}, "i1", "host", 4, 1, 5, wire::sample_place()}},
          {3, core::AgentSeen{{"node1"}, "i1", "host", 4, 1, 5, {}}},
          {4, core::AttemptPlaced{{1}, {1}, {"node0"}}},
          {8, core::AttemptRan{{1}}},
          {9, closed.done},
          {9, core::ReportsTaken{{"node0"}, 7}},
          {10, core::AttemptPlaced{{2},
                                   {1},
                                   {"node0"},
                                   wire::GangLauncher::kSrun,
                                   {{{"node0"}, 0, {0, 2, 3}}, {{"node1"}, 1, {1, 2, 3}}}}},
          {11, core::CheckpointKnown{{2}, checkpoint, true, {9'000, 400, 700}}},
          {11, core::InstanceAdded{0, "d40", {{4}, {1}, instance, {{1}}, {}}}},
          {12, core::NoticeAdded{{2}, "rank 1: broken image", true}},
          {13, core::StaleDropped{2}},
          {14, core::StopAsked{{2}, "cancelled on request"}},
          {17, core::KillAsked{{2}}},
          {17, core::ShareRan{{2}, {"node1"}}},
          {17, core::DaemonAsked{{2}, {"node1"}, "orted -mca a b"}},
          {17, core::ShareEnded{{2},
                                {{"node1"}, wire::Outcome::kRankKilled, 137, 1, 40, "killed", 17}}},
          {17, core::ShareReopened{{2}, {"node1"}}},
          {17,
           core::ShareEnded{
               {2}, {{"node1"}, wire::Outcome::kRankKilled, 137, 1, 40, "killed", 17, true}}},
          {18, closed.killed},
          {19, core::AttemptPlaced{{4}, {1}, {"node0"}}},
          {21, core::ResultKnown{{4}, sample_result()}},
          {21, core::ResultRepeated{"k1", {1}}},
          {22, core::ResultConflicted{{4}, "k1"}},
          {23, closed.failed},
          {24, core::JobCancelled{{3}, "it comes after 'evaluate@40' (job 4), which failed"}},
          {25, core::AgentGone{{"node0"}}},
          {26, core::ShutdownAsked{true}},
          {27, core::ShutdownEnded{}},
          {28, core::ShutdownAsked{false}}};
}

inline std::vector<core::Fact> sample_pool_facts() {
  return {{29, core::PoolAdded{wire::sample_pool()}},
          {29, core::PoolAdded{wire::sample_ssh_pool()}},
          {30, core::PoolNoted{"a100", "added"}},
          {31, core::TokenGiven{3}},
          {31, core::AllocationSet{"a100", sample_allocation("3")}},
          {31, core::AllocationSet{"lab", sample_allocation("desk1")}},
          {32, core::AllocationSet{"a100", sample_allocation("4")}},
          {33, core::AllocationGone{"a100", "4"}},
          {34, core::PoolDelayed{"a100", 2, 120'034, "sbatch refused"}},
          {35, core::PoolModeSet{"a100", core::PoolMode::kPaused, "on request"}},
          {36, core::PoolNoted{"a100", "paused on request", true}},
          {37, core::PoolAdded{{"gone", wire::GangLauncher::kMpirun, wire::SshSource{}}}},
          {38, core::PoolErased{"gone"}}};
}

/// Two jobs in an order that people gave, and a template that chooses among commits.
inline core::WorkflowTaken sample_order() {
  const WorkflowId flow{2};
  wire::JobSpec first{.name = "first", .kind = "train", .priority = 7, .time_limit_s = 3600};
  wire::JobSpec second{.name = "second",
                       .kind = "scenes",
                       .after_any = {"first"},
                       .deadlines = wire::sample_times()};
  wire::JobSpec scores{.name = "scores",
                       .kind = "evaluate",
                       .on_commit_of = "first",
                       .commits_every = 5,
                       .last_commit = true,
                       .newest_only = true};
  return {flow,
          "token2",
          "order",
          "/o",
          {{{5}, flow, first, {}, {}, {}}, {{6}, flow, second, {}, {}, {{5}}}},
          {{flow, scores, {5}, {}, {}}}};
}

inline std::vector<core::Fact> sample_order_facts() {
  return {{39, sample_order()},
          {40, core::JobSet{{5}, -3, 7200}},
          {41, core::JobHeld{{6}, "held: for a look"}},
          {42, core::JobHeld{{5}, "held"}},
          {43, core::JobReleased{{5}}},
          {44, core::AttemptPlaced{{5}, {1}, {"node1"}}},
          {44, core::AttemptRan{{5}, 44}},
          {45, core::CheckpointKnown{{5}, {10, "/o/10", "d10", true}, true, {1, 2, 3, 100}}},
          {45, core::AttemptTimed{{5}, wire::sample_times(), {8, 7, 6, 5, 4, 3, 2, 1}}},
          {45, core::SlotsCounted{8}},
          {46, core::SlotsCounted{6}},
          {46, core::StopAsked{{5}, "makes room", true}},
          {47, core::JobCancelled{{6}, "a newer one came", true}},
          {48, core::JobRevived{{4}}}};
}

/// Jobs that bound each other and wait for commits, a template that wants the best, and an agent that
/// is drained. What was asked of an attempt, and who reported a result again.
inline core::WorkflowTaken sample_bounds() {
  const WorkflowId flow{3};
  wire::JobSpec fit{.name = "fit", .kind = "train", .group = "fit", .group_live_max = 2};
  wire::JobSpec next{.name = "next", .kind = "train", .after_commit = {{"fit", 500}}};
  wire::JobSpec scores{.name = "scores", .kind = "evaluate", .on_commit_of = "fit"};
  wire::JobSpec best{.name = "best",
                     .kind = "evaluate",
                     .on_commit_of = "fit",
                     .best_of = "scores",
                     .best_dataset = "scenes"};
  return {flow,
          "token3",
          "bounds",
          "/b",
          {{{7}, flow, fit, {}, {}, {}, {}}, {{8}, flow, next, {}, {}, {}, {{{7}, 500}}}},
          {{flow, scores, {7}, {}, {}}, {flow, best, {7}, {}, {}}}};
}

inline std::vector<core::Fact> sample_bounds_facts() {
  return {{49, sample_bounds()},
          {50, core::AttemptPlaced{{7}, {1}, {"node1"}}},
          {51, core::ResultRepeated{"k1", {3}, {7}}},
          {52, core::StopAsked{{7}, "makes room", true}},
          {53, core::AttemptClosed{.job = {7},
                                   .outcome = wire::Outcome::kSavedAndLeft,
                                   .next = core::Queued{53, 54},
                                   .asked = "makes room"}},
          {54, core::HealthSet{{"node1"}, {2, {{7}}, 50, 54, "no GPU answers", 1, 300'054, true}}}};
}

/// A workflow with a result and a template that came, ended and left.
inline std::vector<core::Fact> sample_archive_facts() {
  const WorkflowId flow{4};
  const wire::JobSpec job{.name = "old", .kind = "train"};
  const wire::JobSpec scores{.name = "scores", .kind = "evaluate", .on_commit_of = "old"};
  wire::EvaluationResult result = sample_result();
  result.key = "k2";
  return {{60, core::WorkflowTaken{flow,
                                   "token4",
                                   "past",
                                   "/p",
                                   {{{9}, flow, job, {}, {}, {}}},
                                   {{flow, scores, {9}, {}, {}}}}},
          {61, core::AttemptPlaced{{9}, {1}, {"node1"}}},
          {62, core::AttemptRan{{9}, 62}},
          {63, core::ResultKnown{{9}, result}},
          {64,
           core::AttemptClosed{
               .job = {9}, .outcome = wire::Outcome::kSucceeded, .next = core::Succeeded{64}}},
          {65, core::WorkflowArchived{flow}}};
}

inline std::vector<core::Fact> sample_facts() {
  std::vector<core::Fact> facts = sample_job_facts();
  for (core::Fact& fact : sample_order_facts()) facts.push_back(std::move(fact));
  for (core::Fact& fact : sample_pool_facts()) facts.push_back(std::move(fact));
  for (core::Fact& fact : sample_bounds_facts()) facts.push_back(std::move(fact));
  for (core::Fact& fact : sample_archive_facts()) facts.push_back(std::move(fact));
  return facts;
}

}  // namespace tagalign::store
