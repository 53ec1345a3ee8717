/// What shall be done once the facts are durable. Lost effects are made up for: agents say hello
/// after every restart of the coordinator, and unanswered requests are sent again.
#pragma once

#include <cstdint>
#include <string>
#include <variant>

#include "coordinator/core/state.h"

namespace tagalign::core {

struct Send {
  AgentId agent;
  wire::ToAgent message;
};
/// Events up to `sequence` are durable; of several for one agent the newest says it all.
struct Acknowledge {
  AgentId agent;
  std::uint64_t sequence = 0;
};
/// Something that a person must see in the coordinator's log.
struct Alert {
  std::string text;
};
/// Pools start nothing more.
struct ClosePools {};

/// One call of a Slurm program at a time; its outcome comes back as SlurmAnswered. Of a call that was
/// lost nothing is missed: what it was to do is asked again, and squeue tells what was done.
struct AskSlurm {
  std::uint64_t call = 0;
  SlurmCall what;
};
/// The agent of an ssh pool on one host; nothing when it runs already.
struct StartSshAgent {
  wire::PoolSpec spec;
  wire::SshHost host;
};
/// Ends the ssh of an agent that did not leave when it was asked.
struct EndSshAgent {
  std::string pool;
  std::string host;
};

using Effect =
    std::variant<Send, Acknowledge, Alert, ClosePools, AskSlurm, StartSshAgent, EndSshAgent>;

}  // namespace tagalign::core
