/// One filled-in message of every kind, for tests of encoding and decoding.
#pragma once

#include "coordinator/protocol/messages.h"

namespace tagalign::protocol {

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
          .protocol = {{"protocol", "v1", false}, {"clip_weight", "0.3", true}},
          .code_version = "0.1.0",
          .images = 7,
          .classes = {"wall", "door"},
          .intersect = {1, 2},
          .union_ = {3, 4},
          .predicted = {5, 6},
          .labelled = {7, 8}};
}

inline std::vector<FromRank> sample_from_rank() {
  return {RankHello{{1}, {2}, 3, 4242, "cpu, 1 thread"},
          RankBeat{{1}, {2}, 3, 40, 100, "train: loss 3.21"},
          CheckpointCommitted{{1}, {2}, sample_checkpoint()},
          ResultReported{{1}, {2}, sample_result()},
          RankNotice{{1}, {2}, 3, "broken image"},
          RankFarewell{{1}, {2}, 3, 75, "asked to leave", 41}};
}

inline std::vector<ToRank> sample_to_rank() {
  return {SaveAndLeave{"cancel"}, RankAck{9}};
}

inline std::vector<AgentEvent> sample_agent_events() {
  return {AttemptStarted{{1}, {2}, 4240, 1'700'000'000'000},
          CheckpointCommitted{{1}, {2}, sample_checkpoint()},
          ResultReported{{1}, {2}, sample_result()}, RankNotice{{1}, {2}, 3, "broken image"},
          AttemptEnded{{1}, {2}, Outcome::kRankKilled, 137, 1, 40, "killed by signal 9", 1}};
}

inline std::vector<FromAgent> sample_from_agent() {
  AgentEvents events{{"local"}, {}};
  for (const AgentEvent& event : sample_agent_events()) {
    events.events.push_back({events.events.size() + 1, event});
  }
  return {AgentHello{{"local"}, "i1", "host", 4, 1, 99, {{{1}, {2}}, {{3}, {4}}}, 7}, events,
          AgentHeartbeat{{"local"},
                         {RankHello{{1}, {2}, 0, 4242, "cpu"}},
                         {RankBeat{{1}, {2}, 0, 5, 10, "train"}}}};
}

inline std::vector<ToAgent> sample_to_agent() {
  return {Launch{{1}, {2}, "train", JobKind::kTrain, 2, 1, "/w", "a: 1\n", {"a=2"}},
          StopAttempt{{1}, {2}, StopMode::kSaveAndLeave, "cancel"}, AckEvents{17},
          AgentShutdown{"stop"}, SayHello{}};
}

inline JobSpec sample_job() {
  return {.name = "train",
          .kind = JobKind::kTrain,
          .ranks = 2,
          .slots_per_rank = 1,
          .after = {"prepare"},
          .on_commit_of = "",
          .retries_max = 2,
          .config_yaml = "steps: 10\n",
          .overrides = {"a.b=c"}};
}

inline std::vector<ClientRequest> sample_requests() {
  return {SubmitRequest{"token", {"demo", "/w", {sample_job()}}},
          JobsRequest{WorkflowId{1}},
          JobRequest{{2}},
          JobLogRequest{{2}, Attempt{1}, 0, 100},
          ExplainRequest{{2}},
          CancelRequest{{2}},
          CheckpointsRequest{},
          ResultsRequest{WorkflowId{1}},
          StatusRequest{},
          StopRequest{true}};
}

inline std::vector<ClientReply> sample_replies() {
  JobSummary summary{.id = {2}, .workflow = {1}, .name = "train", .state = "running"};
  JobReply job{.summary = summary, .workspace = "/w", .checkpoints = {sample_checkpoint()}};
  job.attempts.push_back({.attempt = {1}, .agent = "local", .rank_pids = {{0, 4242}, {1, 4243}}});
  StatusReply status{.version = "0.1.0", .pid = 3, .jobs_by_state = {{"queued", 2}}};
  status.agents.push_back({.id = "local", .connected = true, .slots = 4});
  return {SubmitReply{{1}, {{"train", {2}}}},
          JobsReply{{summary}},
          job,
          JobLogReply{{{"rank-0.log", "text"}}},
          ExplainReply{{"it waits"}},
          CancelReply{"cancelled"},
          CheckpointsReply{{{{2}, "train", sample_checkpoint(), 5}}},
          ResultsReply{{{{2}, sample_result(), 5}}},
          status,
          StopReply{"stopping"},
          ErrorReply{"not-found", "no such job"}};
}

}  // namespace tagalign::protocol
