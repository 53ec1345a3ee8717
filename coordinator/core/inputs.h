/// What the coordinator hears. Inputs are judged once, by decide(), and never stored.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "coordinator/core/state.h"
#include "coordinator/wire/client_messages.h"

namespace tagalign::core {

/// Requires validate(spec).
struct WorkflowSubmitted {
  std::string token;
  wire::WorkflowSpec spec;
};
struct CancelRequested {
  JobId job;
  std::string reason = "cancelled on request";
};
/// What a person may do to one job besides; what makes no sense in its state changes nothing.
struct JobChangeAsked {
  JobId job;
  wire::JobVerb verb = wire::JobVerb::kHold;
  std::string reason;
  std::optional<int> priority;
  std::optional<std::int64_t> time_limit_s;
};
struct AgentJoined {
  wire::AgentHello hello;
};
/// The service saw by its clock that the agent is gone (limits::kAgentLostAfterMs without a word).
struct AgentLost {
  AgentId agent;
};
struct AgentReported {
  AgentId agent;
  std::vector<wire::SequencedEvent> events;
};
/// The grace of a saving attempt, the wait before a retry or for an answer may be over.
struct TimePassed {};
struct StopRequested {
  bool kill_gangs = false;
};
/// A coordinator begins to work: a stop that an earlier one had begun is over.
struct ServiceStarted {};
/// All gangs and agents have ended after a stop, or had their time.
struct ServiceStopped {};
struct PoolAddAsked {
  wire::PoolSpec spec;  ///< requires validate(spec) and a free name
};
struct PoolVerbAsked {
  std::string pool;
  wire::PoolVerb verb = wire::PoolVerb::kPause;
};
/// The agent of an ssh pool on `host` ended, or could not be started.
struct SshAgentEnded {
  std::string pool;
  std::string host;
  std::string message;
};
struct PoolReported {
  std::string pool;
  PoolView view;
};

using InputBody =
    std::variant<WorkflowSubmitted, CancelRequested, AgentJoined, AgentLost, AgentReported,
                 TimePassed, StopRequested, ServiceStarted, ServiceStopped, PoolReported,
                 PoolAddAsked, PoolVerbAsked, SlurmAnswered, SshAgentEnded, JobChangeAsked>;
struct Input {
  UnixMs at_ms = 0;
  InputBody body;
};

}  // namespace tagalign::core
