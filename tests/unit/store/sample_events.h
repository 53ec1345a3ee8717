/// One event of every kind, with every alternative of an agent's report.
#pragma once

#include <vector>

#include "coordinator/core/core.h"

namespace tagalign::store {

inline protocol::EvaluationResult sample_result() {
  protocol::EvaluationResult r;
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
  return r;
}

inline std::vector<core::Event> sample_events() {
  using namespace protocol;
  JobSpec job{"train", JobKind::kTrain, 2, 1, {"prepare"}, "", 3, "a: 1\n", {"x=1"}};
  AgentHello hello{{"node0"}, "i1", "host", 2, 1, 77, {{{1}, {2}}}, 5};
  AttemptEnded ended{{1}, {2}, Outcome::kRankKilled, 9, 1, 40, "killed", 99};
  const CheckpointInfo checkpoint{40, "/w/step-40", "d40", true};
  const auto reported = [](std::uint64_t sequence, AgentEvent event) {
    return core::AgentReported{{"node0"}, {sequence, std::move(event)}};
  };
  return {{1, core::WorkflowSubmitted{"token", {"flow", "/w", {job}}}},
          {2, core::CancelRequested{{1}}},
          {3, core::AgentJoined{hello}},
          {4, core::AgentLost{{"node0"}}},
          {5, reported(1, AttemptStarted{{1}, {2}, 4242, 98})},
          {6, reported(2, CheckpointCommitted{{1}, {2}, checkpoint})},
          {7, reported(3, ResultReported{{1}, {2}, sample_result()})},
          {8, reported(4, RankNotice{{1}, {2}, 1, "broken image"})},
          {9, reported(5, ended)},
          {10, core::TimePassed{}}};
}

}  // namespace tagalign::store
