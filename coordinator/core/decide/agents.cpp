/// Agents come, go, and report in sequence.
#include <algorithm>

#include "base/format.h"
#include "coordinator/core/decide/turn.h"

namespace tagalign::core {
namespace {

using wire::AgentHello;
using wire::StopAttempt;
using wire::StopMode;

/// How much of its past an agent brings along.
enum class Memory {
  kSameProcess,  ///< a repeated hello: nothing can have been forgotten
  kRestarted,    ///< a new process with its folder: knows every attempt that it accepted
  kWiped,        ///< a new process with nothing in its folder, which may have held something
};

bool knows(const AgentHello& hello, const Job& job) {
  return std::find(hello.known_attempts.begin(), hello.known_attempts.end(),
                   std::pair(job.id, job.attempt)) != hello.known_attempts.end();
}

/// Takes identity and counter. A restarted agent whose acknowledgements were all lost also
/// begins at 1, but it then knows the attempts of the events that it will repeat. One that
/// begins at 1 and knows nothing has an empty journal: whether it never accepted anything
/// or has lost what it accepted, nobody can tell, not even when none of its events came.
Memory greet(Turn& turn, const AgentHello& hello) {
  const auto known = turn.state.agents.find(hello.agent);
  const bool added = known == turn.state.agents.end();
  std::uint64_t last_sequence = added ? 0 : known->second.last_sequence;
  const std::uint64_t next = std::max<std::uint64_t>(1, hello.first_unacknowledged);
  Memory memory = Memory::kSameProcess;
  if (added || known->second.incarnation != hello.incarnation) {
    const bool empty = next == 1 && hello.known_attempts.empty();
    memory = empty ? Memory::kWiped : Memory::kRestarted;
    if (empty) last_sequence = 0;
  }
  // Events below `next` were acknowledged to the agent and are gone; ahead of us only if our store
  // is an older copy.
  turn.record(AgentSeen{hello.agent, hello.incarnation, hello.host, hello.slots, hello.gpus,
                        std::max(last_sequence, next - 1), hello.place});
  turn.mind.reminders.hello_asked.erase(hello.agent);
  if (memory != Memory::kSameProcess) turn.mind.reminders.told_to_leave.erase(hello.agent);
  return memory;
}

void reconcile_unknown(Turn& turn, const Job& job, const AgentId& agent, Memory memory) {
  const bool forgotten = memory != Memory::kSameProcess;
  if (std::holds_alternative<Starting>(job.state) && memory != Memory::kWiped) {
    return send_launch(turn, job);
  }
  const auto* saving = std::get_if<Saving>(&job.state);
  if (saving && !forgotten && saving->started) return send_stop(turn, job);
  if (forgotten || saving) {
    lose_share(turn, job, agent,
               format("agent {} came back without attempt {}", agent.value, job.attempt.value));
  }
}

/// Attempts that the agent has and nobody wants any more.
void kill_strays(Turn& turn, const AgentHello& hello) {
  for (const auto& [id, attempt] : hello.known_attempts) {
    const auto found = turn.state.jobs.find(id);
    std::string why = "the coordinator does not know this job";
    if (found != turn.state.jobs.end()) {
      if (holds(found->second, hello.agent) && found->second.attempt == attempt) continue;
      why = format("this attempt is over; the job is {}", job_state_name(found->second.state));
    }
    turn.send(hello.agent, StopAttempt{id, attempt, StopMode::kKill, std::move(why)});
  }
}

bool was_given_up(const Job& job, const AgentId& agent) {
  if (!holder(job)) return false;
  return std::ranges::any_of(job.attempts.back().ends, [&](const ShareEnd& end) {
    return end.agent == agent && end.given_up;
  });
}

/// Of an attempt that still ends on other agents: the next one must not begin before this part of
/// it is gone too.
void reopen_shares(Turn& turn, const AgentHello& hello) {
  for (const auto& [id, attempt] : hello.known_attempts) {
    const auto found = turn.state.jobs.find(id);
    if (found == turn.state.jobs.end() || found->second.attempt != attempt) continue;
    if (!was_given_up(found->second, hello.agent)) continue;
    turn.record(ShareReopened{id, hello.agent});
    send_end(turn, found->second);
  }
}

void count_slots(Turn& turn) {
  std::int64_t slots = 0;
  for (const auto& [id, agent] : turn.state.agents) slots += agent.connected ? agent.slots : 0;
  if (slots != turn.state.capacity.slots) turn.record(SlotsCounted{slots});
}

void ask_for_hello(Turn& turn, const AgentId& agent) {
  const auto [asked, first] = turn.mind.reminders.hello_asked.try_emplace(agent, turn.now_ms);
  if (!first && turn.now_ms < asked->second + kHelloAgainMs) return;
  asked->second = turn.now_ms;
  turn.send(agent, wire::SayHello{});
}

}  // namespace

void handle(Turn& turn, const AgentJoined& input) {
  const AgentHello& hello = input.hello;
  const Memory memory = greet(turn, hello);
  count_slots(turn);
  reopen_shares(turn, hello);
  kill_strays(turn, hello);
  const std::set<JobId> held = jobs_on(turn.state, hello.agent);
  for (const JobId id : held) {
    const Job& job = turn.state.jobs.at(id);
    if (!knows(hello, job)) {
      reconcile_unknown(turn, job, hello.agent, memory);
    } else if (!job.attempts.back().ends.empty()) {
      send_end(turn, job);
    } else if (std::holds_alternative<Saving>(job.state)) {
      send_stop(turn, job);
    }
  }
  if (turn.state.stopping) send_shutdown(turn, hello.agent);
}

void handle(Turn& turn, const AgentLost& input) {
  const auto found = turn.state.agents.find(input.agent);
  if (found == turn.state.agents.end() || !found->second.connected) return;
  turn.record(AgentGone{input.agent});
  count_slots(turn);
  const std::set<JobId> held = jobs_on(turn.state, input.agent);
  for (const JobId id : held) {
    give_up_share(turn, turn.state.jobs.at(id), input.agent);
  }
}

/// Only what is next in sequence is taken. Older events are acknowledged again; a gap means that
/// the agent must tell where it stands.
void handle(Turn& turn, const AgentReported& input) {
  const auto found = turn.state.agents.find(input.agent);
  if (found == turn.state.agents.end()) {
    turn.send(input.agent, wire::SayHello{});
    return;
  }
  if (!found->second.connected) return ask_for_hello(turn, input.agent);
  std::uint64_t newest = found->second.last_sequence;
  bool gap = false;
  for (const wire::SequencedEvent& event : input.events) {
    gap = event.sequence > newest + 1;
    if (gap) break;
    if (event.sequence <= newest) continue;
    newest = event.sequence;
    take_attempt_event(turn, input.agent, event.event);
  }
  if (gap) ask_for_hello(turn, input.agent);
  if (newest > found->second.last_sequence) turn.record(ReportsTaken{input.agent, newest});
  if (!input.events.empty() && input.events.front().sequence <= newest) {
    turn.decision.effects.push_back(Acknowledge{input.agent, newest});
  }
}

}  // namespace tagalign::core
