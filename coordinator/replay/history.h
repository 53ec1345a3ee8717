/// What happened to a coordinator from outside, read from its facts: submissions, what people asked
/// for, the coming and going of agents, and what each job had to do. What the core decided itself is
/// left out: a replay decides it again.
#pragma once

#include <map>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "base/status.h"
#include "coordinator/core/facts.h"
#include "coordinator/core/inputs.h"
#include "coordinator/replay/work.h"

namespace tagalign::replay {

/// A person changed a job.
struct Asked {
  JobKey job;
  wire::JobVerb verb = wire::JobVerb::kCancel;
  std::optional<int> priority;
  std::optional<std::int64_t> time_limit_s;
  bool of_ended = false;  ///< a job that had ended was to be tried again
};
struct StopBegan {
  bool kill_gangs = false;
};
struct StopEnded {};

struct Moment {
  UnixMs at_ms = 0;
  std::variant<core::WorkflowSubmitted, Asked, core::AgentSeen, core::AgentGone, StopBegan,
               StopEnded>
      what;
};

struct History {
  std::vector<Moment> moments;  ///< in order
  std::map<JobKey, Work> work;
  core::State end;  ///< the state that it gives, with nothing archived
};

/// `facts`: all of them from the first on, without a gap.
History read_history(std::span<const core::Fact> facts);

}  // namespace tagalign::replay
