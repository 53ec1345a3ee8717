/// Agents come, go, and report in sequence.
#include <algorithm>

#include "base/format.h"
#include "coordinator/core/scheduler.h"
#include "coordinator/core/turn.h"

namespace tagalign::core {
namespace {

using protocol::AgentHello;
using protocol::StopAttempt;
using protocol::StopMode;

/// How much of its past an agent brings along.
enum class Memory {
  kSameProcess,  ///< a repeated hello: nothing can have been forgotten
  kRestarted,    ///< a new process with its folder: knows every attempt that it accepted
  kWiped,        ///< a new process without its folder
};

bool knows(const AgentHello& hello, const Job& job) {
  return std::find(hello.known_attempts.begin(), hello.known_attempts.end(),
                   std::pair(job.id, job.attempt)) != hello.known_attempts.end();
}

/// Takes identity and counter. A restarted agent whose acknowledgements were all lost also begins
/// at 1, but it then knows the attempts of the events that it will repeat; only a wiped one knows
/// nothing.
Memory greet(State& state, const AgentHello& hello) {
  const auto [entry, added] = state.agents.try_emplace(hello.agent);
  Agent& agent = entry->second;
  const std::uint64_t next = std::max<std::uint64_t>(1, hello.first_unacknowledged);
  Memory memory = Memory::kSameProcess;
  if (added || agent.incarnation != hello.incarnation) {
    const bool forgot = next == 1 && hello.known_attempts.empty() && agent.last_sequence > 0;
    memory = forgot ? Memory::kWiped : Memory::kRestarted;
    if (forgot) agent.last_sequence = 0;
  }
  agent.id = hello.agent;
  agent.incarnation = hello.incarnation;
  agent.host = hello.host;
  agent.slots = hello.slots;
  agent.gpus = hello.gpus;
  agent.connected = true;
  agent.hello_asked_ms = 0;
  // Events below `next` were acknowledged to the agent and are gone; ahead of us only if our store
  // is an older copy.
  agent.last_sequence = std::max(agent.last_sequence, next - 1);
  return memory;
}

void reconcile_unknown(Turn& turn, Job& job, Memory memory) {
  const AgentId agent = *holder(job);
  const bool forgotten = memory != Memory::kSameProcess;
  if (auto* starting = std::get_if<Starting>(&job.state); starting && memory != Memory::kWiped) {
    starting->asked_ms = turn.now_ms;
    turn.send(agent, launch_message(turn.state, job));
    return;
  }
  if (const auto* saving = std::get_if<Saving>(&job.state);
      saving && !forgotten && saving->started) {
    send_stop(turn, job);
    return;
  }
  const bool never_arrived = !forgotten && std::holds_alternative<Saving>(job.state);
  if (forgotten || never_arrived) {
    lose_attempt(turn, job,
                 format("agent {} came back without attempt {}", agent.value, job.attempt.value));
  }
}

/// Attempts that the agent has and nobody wants any more.
void kill_strays(Turn& turn, const AgentHello& hello) {
  for (const auto& [id, attempt] : hello.known_attempts) {
    const auto found = turn.state.jobs.find(id);
    std::string why = "the coordinator does not know this job";
    if (found != turn.state.jobs.end()) {
      const AgentId* agent = holder(found->second);
      if (agent && *agent == hello.agent && found->second.attempt == attempt) continue;
      why = format("this attempt is over; the job is {}", job_state_name(found->second.state));
    }
    turn.send(hello.agent, StopAttempt{id, attempt, StopMode::kKill, std::move(why)});
  }
}

void ask_for_hello(Turn& turn, Agent& agent) {
  if (agent.hello_asked_ms != 0 && turn.now_ms < agent.hello_asked_ms + kHelloAgainMs) return;
  agent.hello_asked_ms = turn.now_ms;
  turn.send(agent.id, protocol::SayHello{});
}

}  // namespace

void handle(Turn& turn, const AgentJoined& event) {
  const AgentHello& hello = event.hello;
  const Memory memory = greet(turn.state, hello);
  kill_strays(turn, hello);
  for (JobId id : jobs_on(turn.state, hello.agent)) {
    Job& job = turn.state.jobs.at(id);
    if (!knows(hello, job)) {
      reconcile_unknown(turn, job, memory);
    } else if (std::holds_alternative<Saving>(job.state)) {
      send_stop(turn, job);
    }
  }
}

void handle(Turn& turn, const AgentLost& event) {
  const auto found = turn.state.agents.find(event.agent);
  if (found == turn.state.agents.end() || !found->second.connected) return;
  found->second.connected = false;
  for (JobId id : jobs_on(turn.state, event.agent)) {
    lose_attempt(turn, turn.state.jobs.at(id), format("agent {} fell silent", event.agent.value));
  }
}

void handle(Turn& turn, const AgentReported& event) {
  const auto found = turn.state.agents.find(event.agent);
  if (found == turn.state.agents.end()) {
    turn.send(event.agent, protocol::SayHello{});
    return;
  }
  Agent& agent = found->second;
  const std::uint64_t sequence = event.event.sequence;
  if (!agent.connected || sequence > agent.last_sequence + 1) {
    ask_for_hello(turn, agent);
    return;
  }
  if (sequence == agent.last_sequence + 1) {
    agent.last_sequence = sequence;
    take_attempt_event(turn, event.agent, event.event.event);
  }
  turn.send(event.agent, protocol::AckEvents{agent.last_sequence});
}

}  // namespace tagalign::core
