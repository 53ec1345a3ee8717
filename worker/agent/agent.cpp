#include "worker/agent/agent.h"

#include <algorithm>
#include <utility>

#include "base/exit_codes.h"
#include "base/format.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/overloaded.h"

namespace tagalign::agent {
namespace {

using wire::AttemptEnded;
using wire::Outcome;

constexpr std::int64_t kCommitRetryMs = 1'000;
constexpr std::int64_t kStartToldAfterMs = 50;  ///< a short job ends meanwhile: one sync for both
// Of one socket in a round: the others get their turn.
constexpr int kCoordinatorMessagesMax = 256;
constexpr int kRankMessagesMax = 1'024;

AttemptKey key_of(const wire::FromRank& message) {
  return std::visit([](const auto& said) { return AttemptKey{said.job, said.attempt}; }, message);
}

}  // namespace

Agent::Agent(const AgentParts& parts, Journal journal)
    : parts_(parts),
      journal_(std::move(journal)),
      gangs_({parts.identity.agent, parts.identity.slots, parts.gpus, parts.environment,
              parts.processes, parts.files, parts.clock}),
      ranks_(parts.ranks),
      coordinator_(parts.coordinator, parts.clock, parts.identity) {}

Result<std::unique_ptr<Agent>> Agent::create(const AgentParts& parts) {
  TA_RETURN_IF_ERROR(parts.files.create_directories(parts.folder));
  TA_ASSIGN_OR_RETURN(Journal journal, Journal::open(parts.files, parts.folder / "journal"));
  std::unique_ptr<Agent> agent(new Agent(parts, std::move(journal)));
  TA_RETURN_IF_ERROR(agent->end_leftovers());
  return agent;
}

Status Agent::end_leftovers() {
  TA_RETURN_IF_ERROR(gangs_.end_leftovers(journal_.open_attempts()));
  JournalBatch batch;
  for (const auto& [key, launcher] : journal_.open_attempts()) {
    batch.events.push_back(
        AttemptEnded{.job = key.first,
                     .attempt = key.second,
                     .outcome = Outcome::kAgentRestarted,
                     .message = "the agent ended, and its gang with it; it has come back",
                     .at_ms = parts_.clock.unix_ms()});
  }
  return journal_.commit(batch);
}

void Agent::step() {
  const std::vector<int> gone = wait();
  // Before the messages are read: what the others say of a lost peer must not look earlier.
  const MonotonicMs gone_ms = parts_.clock.monotonic_ms();
  receive_from_ranks();
  for (const int pid : gone) gangs_.on_process_gone(pid, gone_ms);
  receive_from_coordinator();
  supervise();
  take_waiting();
  commit();
  start_daemons();
  tell_ranks();
  coordinator_.send(journal_, gangs_);
}

/// A socket's descriptor tells only of what comes after its ready() was asked.
std::vector<int> Agent::wait() {
  parts_.processes.wake_on({parts_.coordinator.wait_fd(), parts_.ranks.wait_fd()});
  const bool ready = parts_.coordinator.ready() || parts_.ranks.ready();
  return parts_.processes.wait(ready || commit_is_due() ? 0 : kTickMs);
}

void Agent::request_shutdown(const std::string& reason, std::int64_t grace_ms) {
  if (shutdown_reason_) return;
  log_info("shutting down: {}", reason);
  shutdown_reason_ = reason;
  kill_ms_ = parts_.clock.monotonic_ms() + std::max(grace_ms, limits::kSaveAndLeaveMsMax);
  coordinator_.withdraw_slots();
  for (const auto& [key, launch] : std::exchange(launches_, {})) refuse_launch(key);
  for (const auto& [key, launch] : std::exchange(waiting_, {})) refuse_launch(key);
  gangs_.end_idle();
  tell_to_leave(gangs_.save_and_leave_all(reason), reason);
}

bool Agent::finished() {
  if (!shutdown_reason_ || !gangs_.empty()) return false;
  const MonotonicMs now_ms = parts_.clock.monotonic_ms();
  if (!idle_since_ms_) idle_since_ms_ = now_ms;
  const bool delivered = pending_.empty() && journal_.unacknowledged().empty();
  return delivered || now_ms - *idle_since_ms_ >= limits::kRequestTimeoutMs;
}

// ---------------------------------------------------------------- rank → agent

void Agent::receive_from_ranks() {
  for (int count = 0; count < kRankMessagesMax; ++count) {
    const auto message = ranks_.receive();
    if (!message) return;
    // Of an attempt that is over: its processes are dead, or wait for another.
    if (gangs_.contains(key_of(message->message))) take(*message);
  }
}

void Agent::take(const RankMessage& message) {
  const std::string& peer = message.peer;
  std::visit(Overloaded{[&](const wire::RankHello& hello) {
                          if (const auto reason = gangs_.on_hello(peer, hello))
                            tell_to_leave({peer}, *reason);
                        },
                        [&](const wire::RankBeat& beat) { gangs_.on_beat(beat); },
                        [&](const wire::RankFarewell& farewell) {
                          gangs_.on_farewell(farewell);
                          if (const auto number = ranks_.take_event(message))
                            ranks_.acknowledge(peer, *number);
                        },
                        [&](const wire::DaemonWanted& wanted) { want_daemon(message, wanted); },
                        [&](const auto& event) {
                          if (const auto number = ranks_.take_event(message))
                            pending_.push_back({event, peer, *number});
                        }},
             message.message);
}

/// mpirun calls the node by a name of ours; the coordinator knows it by its agent.
void Agent::want_daemon(const RankMessage& message, wire::DaemonWanted wanted) {
  const wire::Launch* launch = gangs_.launch_of({wanted.job, wanted.attempt});
  const auto share = share_of_node(wanted.agent.value);
  if (launch == nullptr || !share || *share >= launch->shares.size()) {
    return log_warning("job {} attempt {} has no node '{}' for a daemon", wanted.job.value,
                       wanted.attempt.value, wanted.agent.value);
  }
  wanted.agent = launch->shares[*share].agent;
  if (const auto number = ranks_.take_event(message))
    pending_.push_back({std::move(wanted), message.peer, *number});
}

void Agent::tell_ranks() {
  const MonotonicMs now_ms = parts_.clock.monotonic_ms();
  if (now_ms - beat_ms_ < limits::kAgentHeartbeatMs) return;
  beat_ms_ = now_ms;
  for (const std::string& peer : gangs_.peers()) ranks_.tell(peer, wire::AgentBeat{});
}

void Agent::tell_to_leave(const std::vector<std::string>& peers, const std::string& reason) {
  for (const std::string& peer : peers) ranks_.tell(peer, wire::SaveAndLeave{reason});
}

// ---------------------------------------------------------------- coordinator → agent

void Agent::receive_from_coordinator() {
  for (int count = 0; count < kCoordinatorMessagesMax; ++count) {
    const auto message = coordinator_.receive();
    if (!message) return;
    std::visit(Overloaded{[&](const wire::Launch& launch) { on_launch(launch); },
                          [&](const wire::StopAttempt& stop) { on_stop(stop); },
                          [&](const wire::AckEvents& ack) { journal_.acknowledge(ack.sequence); },
                          [&](const wire::AgentShutdown& end) {
                            request_shutdown(end.reason, end.grace_ms);
                          },
                          [&](const wire::StartDaemon& wanted) {
                            daemons_[{wanted.job, wanted.attempt}] = wanted;
                          },
                          [&](const wire::SayHello&) { coordinator_.say_hello_again(); }},
               *message);
  }
}

void Agent::on_launch(const wire::Launch& launch) {
  const AttemptKey key{launch.job, launch.attempt};
  if (journal_.has_accepted(key) || refused_.contains(key)) {
    log_info("job {} attempt {} was accepted before: not launched again", launch.job.value,
             launch.attempt.value);
    return;
  }
  if (launches_.contains(key)) return;
  waiting_[key] = launch;
  take_waiting();
  if (waiting_.contains(key)) {
    log_info("job {} attempt {} waits for {} slots: of {}, {} are held by gangs that end or run",
             launch.job.value, launch.attempt.value, slots_here(launch), parts_.identity.slots,
             gangs_.held_slots().size());
  }
}

/// Gangs may have ended, and room been made, since it was tried last.
void Agent::take_waiting() {
  for (auto it = waiting_.begin(); it != waiting_.end();) {
    const auto next = std::next(it);
    const bool outdated = next != waiting_.end() && next->first.first == it->first.first;
    if (!outdated && !take_launch(it->second)) {
      it = next;
      continue;
    }
    if (outdated) {
      refuse(it->first, Outcome::kKilledOnRequest,
             format("not launched: attempt {} takes its place", next->first.second.value));
    }
    it = waiting_.erase(it);
  }
}

/// False when it has to wait.
bool Agent::take_launch(const wire::Launch& launch) {
  const AttemptKey key{launch.job, launch.attempt};
  if (shutdown_reason_) return refuse_launch(key), true;
  if (gangs_.end_older_attempt(key)) return false;
  refuse_older_launch(key);
  const int offered = parts_.identity.slots;
  const int needed = slots_here(launch);
  if (needed == 0) {
    refuse(key, Outcome::kLaunchFailed,
           format("not launched: agent {} has no part in it", parts_.identity.agent.value));
    return true;
  }
  if (needed > offered) {
    refuse(key, Outcome::kAgentRestarted,
           format("not launched: it needs {} slots, and the agent was started again with {}",
                  needed, offered));
    return true;
  }
  if (!has_room(launch)) return false;
  launches_.emplace(key, launch);
  return true;
}

/// Requires a shutdown.
void Agent::refuse_launch(const AttemptKey& key) {
  refuse(key, Outcome::kAgentRestarted,
         format("not launched: the agent is shutting down ({})", *shutdown_reason_));
}

void Agent::refuse_older_launch(const AttemptKey& key) {
  const auto older = std::ranges::find_if(launches_, [&](const auto& entry) {
    return entry.first.first == key.first && entry.first < key;
  });
  if (older == launches_.end()) return;
  const AttemptKey older_key = launches_.extract(older).key();
  refuse(older_key, Outcome::kKilledOnRequest,
         format("not launched: attempt {} takes its place", key.second.value));
}

int Agent::slots_here(const wire::Launch& launch) const {
  return static_cast<int>(part_of(launch, parts_.identity.agent).slots.size());
}

/// A gang that the coordinator gave up holds its slots and GPUs until its last process is gone.
bool Agent::has_room(const wire::Launch& launch) {
  std::set<int> held = gangs_.slots_held_against(launch);
  for (const auto& [key, other] : launches_) {
    const Part part = part_of(other, parts_.identity.agent);
    held.insert(part.slots.begin(), part.slots.end());
  }
  const Part part = part_of(launch, parts_.identity.agent);
  return std::ranges::none_of(part.slots, [&](int slot) { return held.contains(slot); });
}

void Agent::refuse(const AttemptKey& key, Outcome outcome, std::string message) {
  refused_.insert(key);
  pending_.push_back({AttemptEnded{.job = key.first,
                                   .attempt = key.second,
                                   .outcome = outcome,
                                   .message = std::move(message),
                                   .at_ms = parts_.clock.unix_ms()},
                      "", 0});
}

void Agent::on_stop(const wire::StopAttempt& stop) {
  const AttemptKey key{stop.job, stop.attempt};
  if (gangs_.contains(key)) {
    if (stop.mode == wire::StopMode::kKill) return gangs_.kill(key, stop.reason);
    return tell_to_leave(gangs_.save_and_leave(key, stop.reason), stop.reason);
  }
  // Its end is pending, in the journal, or was acknowledged.
  if (journal_.has_accepted(key) || refused_.contains(key)) return;
  // The launch came just now, was lost on its way, or is still coming: it must not start any more.
  launches_.erase(key);
  waiting_.erase(key);
  refuse(key, Outcome::kKilledOnRequest, format("stopped before it was launched: {}", stop.reason));
}

// ---------------------------------------------------------------- what a round leads to

void Agent::supervise() {
  const MonotonicMs now_ms = parts_.clock.monotonic_ms();
  if (shutdown_reason_ && now_ms >= kill_ms_) gangs_.kill_all(*shutdown_reason_);
  GangChanges changes = gangs_.supervise();
  for (const std::string& peer : changes.hung_peers) ranks_.tell(peer, wire::ShowStacks{});
  for (const std::string& peer : changes.gone_peers) ranks_.forget(peer);
  for (auto& event : changes.events) pending_.push_back({std::move(event), "", 0});
  for (const wire::Launch& launch : changes.given_back) launch_gang(launch);  // it was accepted
}

bool Agent::commit_is_due() const {
  if (!launches_.empty()) return true;
  const MonotonicMs now_ms = parts_.clock.monotonic_ms();
  return now_ms >= commit_after_ms_ &&
         std::ranges::any_of(pending_, [&](const auto& event) { return now_ms >= event.due_ms; });
}

void Agent::commit() {
  if (!commit_is_due()) return;
  const auto launches = std::exchange(launches_, {});
  JournalBatch batch;
  batch.accepted.assign(refused_.begin(), refused_.end());
  for (const auto& [key, launch] : launches) batch.accepted.push_back(key);
  for (const PendingEvent& pending : pending_) batch.events.push_back(pending.event);
  if (const Status kept = journal_.commit(batch); !kept.ok()) {
    // What the journal does not hold must neither start nor end: launches are sent again.
    log_error("{}; {} launches are not accepted, {} events wait in memory", kept.to_string(),
              launches.size(), pending_.size());
    commit_after_ms_ = parts_.clock.monotonic_ms() + kCommitRetryMs;
    return;
  }
  refused_.clear();
  for (const PendingEvent& kept : std::exchange(pending_, {})) {
    if (!kept.peer.empty()) ranks_.acknowledge(kept.peer, kept.number);
  }
  for (const auto& [key, launch] : launches) launch_gang(launch);
}

void Agent::note_started(const AttemptKey& key, const ProcessName& launcher) {
  journal_.note_started(key, launcher);
  pending_.push_back(
      {.event = wire::AttemptStarted{key.first, key.second, launcher.pid, parts_.clock.unix_ms()},
       .peer = "",
       .number = 0,
       .due_ms = parts_.clock.monotonic_ms() + kStartToldAfterMs});
}

/// A daemon that is asked for twice runs once. One whose launch was refused, or whose attempt
/// is over, is not started.
void Agent::start_daemons() {
  for (auto it = daemons_.begin(); it != daemons_.end();) {
    const auto& [key, wanted] = *it;
    if (!gangs_.contains(key) && !journal_.has_accepted(key) && !refused_.contains(key)) {
      ++it;  // its launch comes, or comes again
      continue;
    }
    const auto daemon = gangs_.start_daemon(wanted);
    if (!daemon.ok()) {
      gangs_.kill(key, format("its daemon did not start: {}", daemon.status().message()));
    } else if (*daemon) {
      note_started(key, **daemon);
    }
    it = daemons_.erase(it);
  }
}

void Agent::launch_gang(const wire::Launch& launch) {
  const UnixMs at_ms = parts_.clock.unix_ms();
  const auto launched = gangs_.launch(launch);
  if (launched.ok()) {
    const ProcessName& launcher = launched->launcher;
    const bool awaits_daemon = launcher.pid == 0 && !by_srun(launch);  // of mpirun: still to come
    if (!awaits_daemon) note_started({launch.job, launch.attempt}, launcher);
    for (const std::string& peer : launched->waiting_peers) ranks_.hand(peer, next_job_of(launch));
    return;
  }
  const std::string& message = launched.status().message();
  log_error("job {} attempt {}: {}", launch.job.value, launch.attempt.value, message);
  const bool of_the_place = launched.status().is_of_the_place();
  pending_.push_back({AttemptEnded{.job = launch.job,
                                   .attempt = launch.attempt,
                                   .outcome = Outcome::kLaunchFailed,
                                   .exit_code = of_the_place ? to_int(ExitCode::kPlaceFailed) : 0,
                                   .message = message,
                                   .at_ms = at_ms},
                      "", 0});
}

}  // namespace tagalign::agent
