/// One call of decide() in the making: what its verbs, one a file,
/// share. Private to coordinator/core/decide.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "coordinator/core/core.h"

namespace tagalign::core {

/// A request that an agent has not answered is sent again after this
/// long; agents recognise repeats.
inline constexpr std::int64_t kResendMs = 10'000;
/// A gap in an agent's events asks for a hello at most this often.
inline constexpr std::int64_t kHelloAgainMs = 1'000;
inline constexpr std::size_t kNoticesPerJobMax = 64;

struct Turn {
  Mind& mind;
  State& state;
  UnixMs now_ms;
  Decision decision;

  void record(FactBody body) {
    decision.facts.push_back(Fact{now_ms, std::move(body)});
    evolve(state, decision.facts.back());
  }
  void send(const AgentId& agent, wire::ToAgent message) {
    decision.effects.push_back(Send{agent, std::move(message)});
  }
  void alert(std::string text) {
    decision.effects.emplace_back(std::in_place_type<Alert>, std::move(text));
  }
};

// one verb each
void handle(Turn& turn, const WorkflowSubmitted& input);  // submit.cpp
void handle(Turn& turn, const CancelRequested& input);    // cancel.cpp
void handle(Turn& turn, const AgentJoined& input);        // agents.cpp
void handle(Turn& turn, const AgentLost& input);          // agents.cpp
void handle(Turn& turn, const AgentReported& input);      // agents.cpp
void handle(Turn& turn, const TimePassed& input);         // reminders.cpp
void handle(Turn& turn, const StopRequested& input);      // shutdown.cpp
void handle(Turn& turn, const ServiceStarted& input);     // shutdown.cpp
void handle(Turn& turn, const ServiceStopped& input);     // shutdown.cpp
void handle(Turn& turn, const PoolReported& input);       // shutdown.cpp
void handle(Turn& turn, const PoolAddAsked& input);       // pools/requests.cpp
void handle(Turn& turn, const PoolVerbAsked& input);      // pools/requests.cpp
void handle(Turn& turn, const SlurmAnswered& input);      // pools/answers.cpp
void handle(Turn& turn, const SshAgentEnded& input);      // pools/ssh.cpp
void handle(Turn& turn, const JobChangeAsked& input);     // change.cpp

/// Indices of the templates that follow `source` (submit.cpp).
const std::vector<std::size_t>& templates_of(const State& state, JobId source);
/// An instance of the template with that index, unless it has seen the checkpoint's digest.
void instantiate(Turn& turn, std::size_t index, const wire::CheckpointInfo& checkpoint);

/// Instances for a scheduled commit of `source`, one for each template that has not
/// seen the digest (submit.cpp).
void instantiate_templates(Turn& turn, JobId source, const wire::CheckpointInfo& checkpoint);

/// An instance for the last checkpoint of a job that has succeeded, of each template that wants it.
void instantiate_last(Turn& turn, const Job& source);

/// Instances for the best checkpoints of jobs all of whose evaluations have ended by now (best.cpp).
void choose_bests(Turn& turn);

// health.cpp
/// An attempt of `job` has ended by `end`, which names the agent where it began to.
void rate_agents(Turn& turn, const Job& job, const ShareEnd& end);
/// The live attempt of `job` got on: its agents work.
void absolve_agents(Turn& turn, const Job& job);
/// Drained agents whose time has come, or without which nobody is left, may be tried.
void offer_probes(Turn& turn);

// attempts.cpp
/// For people who look at `job`; the oldest of too many goes.
void add_notice(Turn& turn, const Job& job, std::string text);
void take_attempt_event(Turn& turn, const AgentId& agent, const wire::AgentEvent& event);
/// Ends the live attempt of `job` and decides what follows (retry.h).
void end_attempt(Turn& turn, const Job& job, const wire::AttemptEnded& end);

// shares.cpp
/// The share of `agent` runs: with the last of them the attempt does.
void run_share(Turn& turn, const Job& job, const AgentId& agent);
/// The share of `agent` is over; the others are made to end, and with the last the attempt does.
void end_share(Turn& turn, const Job& job, const AgentId& agent, const wire::AttemptEnded& end);
/// The same because the agent no longer has it: infrastructure.
void lose_share(Turn& turn, const Job& job, const AgentId& agent, std::string why);
/// The same because the agent fell silent: it may come back with the share.
void give_up_share(Turn& turn, const Job& job, const AgentId& agent);
/// What is left of an attempt that is ending is killed; also for saying it again.
void send_end(Turn& turn, const Job& job);
void want_daemon(Turn& turn, const Job& job, const wire::DaemonWanted& wanted);

// place.cpp
/// Places ready jobs in the order of line.h while agents have the slots, and sends their launches.
void place_ready(Turn& turn);
/// The launch of the newest attempt, also for sending it again.
void send_launch(Turn& turn, const Job& job);

// preempt.cpp
/// Asks jobs of lower priority to save and leave where that makes room for one of `waiting`, which are
/// jobs that found none.
void make_room(Turn& turn, const std::vector<JobId>& waiting);

// pools/pools.cpp
/// What pools do by themselves, at most once a PoolPolicy::look_ms: after placement, when the jobs
/// that are still ready are those that wait for slots.
void tend_pools(Turn& turn);
/// When tend_pools() wants to look next; nullopt: there is no pool.
std::optional<UnixMs> next_look(const Mind& mind, const State& state);

// archive.cpp
void archive_old(Turn& turn);

// cancel.cpp
void send_stop(Turn& turn, const Job& job);
/// A starting or running job shall save and leave; it is cancelled then, or `comes_back`.
void ask_to_leave(Turn& turn, const Job& job, std::string reason, bool comes_back);
/// Jobs behind one that failed or was cancelled, and those behind them.
void cancel_orphans(Turn& turn);

// shutdown.cpp
/// What an agent is told that joins, or is there, while the coordinator stops.
void send_shutdown(Turn& turn, const AgentId& agent);

// reminders.cpp
/// `job` was asked something at this time: it is asked again unless its state changes.
void remind(Turn& turn, const Job& job);

}  // namespace tagalign::core
