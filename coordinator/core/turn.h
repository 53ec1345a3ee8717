/// One call of apply() in the making: what its verbs, one a file, share. Private to
/// coordinator/core.
#pragma once

#include <string>
#include <vector>

#include "coordinator/core/core.h"

namespace tagalign::core {

/// A request that an agent has not answered is sent again after this long; agents recognise
/// repeats.
inline constexpr std::int64_t kResendMs = 10'000;
/// A gap in an agent's events asks for a hello at most this often.
inline constexpr std::int64_t kHelloAgainMs = 1'000;
inline constexpr std::size_t kNoticesPerJobMax = 64;

struct Turn {
  State& state;
  UnixMs now_ms;
  std::vector<Effect> effects;

  void send(const AgentId& agent, protocol::ToAgent message) {
    effects.push_back(SendToAgent{agent, std::move(message)});
  }
};

// state.cpp
/// The only way to change a job's state: keeps State::live right.
void set_state(State& state, Job& job, JobState next);
int slots_of(const protocol::JobSpec& spec);
/// "'train' (job 3)".
std::string label(const Job& job);
/// Live jobs held by `agent`, by id.
std::vector<JobId> jobs_on(const State& state, const AgentId& agent);

// one verb each
void handle(Turn& turn, const WorkflowSubmitted& event);  // submit.cpp
void handle(Turn& turn, const CancelRequested& event);    // stop.cpp
void handle(Turn& turn, const TimePassed& event);         // stop.cpp
void handle(Turn& turn, const AgentJoined& event);        // agents.cpp
void handle(Turn& turn, const AgentLost& event);          // agents.cpp
void handle(Turn& turn, const AgentReported& event);      // agents.cpp

/// Instances for a scheduled commit of `source`, one for each template that has not seen the digest
/// (submit.cpp).
void instantiate_templates(Turn& turn, JobId source, const protocol::CheckpointInfo& checkpoint);

// attempts.cpp
void take_attempt_event(Turn& turn, const AgentId& agent, const protocol::AgentEvent& event);
/// Ends the live attempt of `job` and decides what follows (retry.h).
void end_attempt(Turn& turn, Job& job, const protocol::AttemptEnded& end);
/// Ends it because its agent no longer has it: infrastructure.
void lose_attempt(Turn& turn, Job& job, std::string why);

// stop.cpp
void send_stop(Turn& turn, Job& job);

}  // namespace tagalign::core
