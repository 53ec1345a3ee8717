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

using Effect = std::variant<Send, Acknowledge, Alert, ClosePools>;

}  // namespace tagalign::core
