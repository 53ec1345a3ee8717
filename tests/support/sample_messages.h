/// One message of every kind, for tests of encoding and decoding: every field, at any depth,
/// differs from its default.
#pragma once

#include "coordinator/wire/client_messages.h"
#include "tests/support/sample_pools.h"

namespace tagalign::wire {

inline CheckpointInfo sample_checkpoint() {
  return {.step = 1200, .path = "/w/checkpoints/step-00001200", .digest = "ab", .scheduled = false};
}

inline EvaluationResult sample_result() {
  return {.key = "k",
          .method = "tagalign",
          .step = 1200,
          .dataset = "scenes",
          .dataset_digest = "d",
          .weights_digest = "w",
          .protocol = {{"protocol", "v1", true}, {"clip_weight", "0.3", true}},
          .code_version = "0.1.0",
          .images = 7,
          .classes = {"wall", "door"},
          .intersect = {1, 2},
          .union_ = {3, 4},
          .predicted = {5, 6},
          .labelled = {7, 8},
          .average_precision = {-1, 9}};
}

inline PhaseTimes sample_times() {
  return {1, 2, 3, 4, 5, 6, 7, 8};
}

inline std::vector<FromRank> sample_from_rank() {
  return {
      RankHello{{1}, {2}, 3, 4242, "cpu, 1 thread"},
      RankBeat{{1}, {2}, 3, 40, 100, "train: loss 3.21", Phase::kStep, 41, 160, "barrier", "/a"},
      CheckpointCommitted{{1}, {2}, sample_checkpoint(), {9'000, 400, 700, 5'000}},
      ResultReported{{1}, {2}, sample_result()},
      RankNotice{{1}, {2}, 3, "broken image"},
      RankFarewell{{1}, {2}, 3, 75, "asked to leave", 41},
      DaemonWanted{{1}, {2}, {"node1"}, "orted -mca a b"}};
}

inline std::vector<ToRank> sample_to_rank() {
  return {SaveAndLeave{"cancel"}, RankAck{9}, AgentBeat{}, ShowStacks{}};
}

inline std::vector<AgentEvent> sample_agent_events() {
  return {AttemptStarted{{1}, {2}, 4240, 1'700'000'000'000},
          CheckpointCommitted{{1}, {2}, sample_checkpoint(), {9'000, 400, 700, 5'000}},
          ResultReported{{1}, {2}, sample_result()},
          RankNotice{{1}, {2}, 3, "broken image"},
          AttemptEnded{{1}, {2}, Outcome::kRankKilled, 137, 1, 40, "killed by signal 9", 1},
          DaemonWanted{{1}, {2}, {"node1"}, "orted -mca a b"},
          AttemptSpent{{1}, {2}, sample_times(), {8, 7, 6, 5, 4, 3, 2, 1}}};
}

inline AgentPlace sample_place() {
  return {.pool = "a100",
          .allocation = "4711",
          .node = "n1",
          .ends_ms = 1'700'000'000'000,
          .socket = "/run/ranks.sock",
          .launcher = GangLauncher::kSrun,
          .since_ms = 1'600'000'000'000};
}

inline std::vector<FromAgent> sample_from_agent() {
  AgentEvents events{{"local"}, {}};
  for (const AgentEvent& event : sample_agent_events()) {
    events.events.push_back({events.events.size() + 1, event});
  }
  return {
      AgentHello{{"local"}, "i1", "host", 4, 1, 99, {{{1}, {2}}, {{3}, {4}}}, 7, sample_place()},
      events,
      AgentHeartbeat{{"local"},
                     {RankHello{{1}, {2}, 1, 4242, "cpu"}},
                     {RankBeat{{1}, {2}, 1, 5, 10, "train", Phase::kSave, 6, 7, "barrier", "/b"}}}};
}

inline std::vector<ToAgent> sample_to_agent() {
  return {Launch{.job = {1},
                 .attempt = {2},
                 .job_name = "train",
                 .kind = "train",
                 .ranks = 2,
                 .slots_per_rank = 3,
                 .workspace = "/w",
                 .config_yaml = "a: 1\n",
                 .overrides = {"a=2"},
                 .launcher = GangLauncher::kSrun,
                 .shares = {{{"node0"}, 1, {2, 3, 4}}},
                 .places = {sample_place()},
                 .patience = {sample_times(), {8, 7, 6, 5, 4, 3, 2, 1}, 2}},
          StopAttempt{{1}, {2}, StopMode::kSaveAndLeave, "cancel"},
          AckEvents{17},
          AgentShutdown{"stop", 300'000},
          SayHello{},
          StartDaemon{{1}, {2}, "orted -mca a b"}};
}

inline JobSpec sample_job() {
  return {.name = "train",
          .kind = "train",
          .ranks = 2,
          .slots_per_rank = 3,
          .after = {"prepare"},
          .on_commit_of = "pretrain",
          .retries_max = 2,
          .config_yaml = "steps: 10\n",
          .overrides = {"a.b=c"},
          .ranks_per_node = 1,
          .nodes_max = 2,
          .pool = "a100",
          .priority = -5,
          .time_limit_s = 7'200,
          .after_any = {"report"},
          .commits_every = 3,
          .last_commit = true,
          .newest_only = true,
          .after_commit = {{"warm", 500}},
          .best_of = "scores",
          .best_dataset = "voc",
          .group = "tune",
          .group_live_max = 4,
          .deadlines = sample_times()};
}

inline std::vector<ClientRequest> sample_requests() {
  return {SubmitRequest{"token", {"demo", "/w", {sample_job()}}},
          JobsRequest{WorkflowId{1}, "train", {{5}}, true, {3}, 20},
          JobRequest{JobId{2}},
          JobLogRequest{JobRef("train"), Attempt{1}, 1, 100},
          ExplainRequest{JobId{2}},
          CancelRequest{JobId{2}},
          CheckpointsRequest{JobId{2}},
          ResultsRequest{"demo"},
          StatusRequest{},
          StopRequest{true},
          PoolAddRequest{sample_pool()},
          PoolsRequest{"a100"},
          PoolVerbRequest{"a100", PoolVerb::kRemove},
          JobsChangeRequest{{"demo/*"}, JobVerb::kSet, "why", 7, 3'600},
          GoodputRequest{"demo"}};
}

inline JobSummary sample_summary() {
  return {.id = {2},
          .workflow = {1},
          .workflow_name = "demo",
          .name = "train",
          .kind = "train",
          .state = "failed",
          .reason = "out of memory",
          .terminal = true,
          .ranks = 2,
          .slots = 4,
          .attempt = {3},
          .step = 40,
          .steps_total = 100,
          .activity = "train: loss 3.21",
          .agent = "local",
          .priority = 5,
          .time_limit_s = 60,
          .held = true,
          .submitted_ms = 1,
          .started_ms = 2,
          .ended_ms = 3};
}

inline GoodputRow sample_slot_time() {
  return {{2}, "demo", "train", "train", "running", 5, 1, 2, 3, 4, 6, 7, 8, 9, 10};
}

inline JobReply sample_job_reply() {
  return {.summary = sample_summary(),
          .workspace = "/w",
          .after = {"prepare"},
          .on_commit_of = "pretrain",
          .config_yaml = "steps: 10\n",
          .overrides = {"a.b=c"},
          .attempts = {{.attempt = {1},
                        .agent = "local",
                        .started_ms = 2,
                        .ended_ms = 3,
                        .outcome = "failed",
                        .message = "exit code 1",
                        .rank_pids = {{1, 4242}, {2, 4243}},
                        .launcher = "srun",
                        .shares = {"n1: rank 0, slots 0"}}},
          .checkpoints = {sample_checkpoint()},
          .notices = {"broken image"},
          .slot_time = sample_slot_time()};
}

inline StatusReply sample_status() {
  return {.version = "0.1.0",
          .pid = 3,
          .state_folder = "/s",
          .endpoint = "ipc:///s/socket",
          .started_ms = 1,
          .events = 12,
          .agents = {{.id = "local",
                      .host = "host",
                      .connected = true,
                      .slots = 4,
                      .slots_free = 2,
                      .gpus = 1,
                      .pid = 99,
                      .node = "n1",
                      .pool = "a100",
                      .allocation = "4711",
                      .since_ms = 1,
                      .ends_ms = 2,
                      .state = "connected",
                      .running = {"train (ranks 0 to 3)"},
                      .note = "drained"}},
          .jobs_by_state = {{"queued", 2}}};
}

inline std::vector<ClientReply> sample_replies() {
  return {SubmitReply{{1}, {{"train", {2}}}, {"it waits"}},
          JobsReply{{sample_summary()}, 3, true},
          sample_job_reply(),
          JobLogReply{{{"rank-0.log", "text"}}},
          ExplainReply{{"it waits"}},
          CancelReply{{2}, "train", "cancelled"},
          CheckpointsReply{{{{2}, "train", sample_checkpoint(), 5}}},
          ResultsReply{{{{2}, sample_result(), 5}}, sample_slot_time()},
          sample_status(),
          StopReply{"stopping"},
          ErrorReply{"not-found", "no such job"},
          sample_pools(),
          JobsChangeReply{{{{2}, "demo", "train", "queued", "held"}}},
          GoodputReply{{sample_slot_time()}, 11}};
}

}  // namespace tagalign::wire
