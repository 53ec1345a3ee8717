// What ranks say to the agent, and what the agent says to the coordinator.
#include <algorithm>
#include <utility>

#include "base/format.h"
#include "base/limits.h"
#include "base/log.h"
#include "coordinator/protocol/codec.h"
#include "worker/agent/agent.h"
#include "worker/agent/overloaded.h"

namespace tagalign::agent {
namespace {

constexpr std::int64_t kSpoolRetryMs = 1'000;
constexpr std::int64_t kResendMs = 1'000;
constexpr std::size_t kEventsPerMessage = 128;
constexpr int kMessagesPerRound = 1'024;  ///< the other sockets get their turn

}  // namespace

// ---------------------------------------------------------------- rank → agent

void Agent::drain_ranks() {
  for (int count = 0; count < kMessagesPerRound; ++count) {
    const auto incoming = parts_.ranks.receive(0);
    if (!incoming.ok() || !incoming->has_value()) return;
    const protocol::Frame& frame = (*incoming)->frame;
    if (frame.kind != protocol::FrameKind::kFromRank) continue;
    const auto message = protocol::decode_from_rank(frame.body);
    if (!message.ok()) {
      log_warning("dropped a message of a rank: {}", message.status().to_string());
      continue;
    }
    on_rank((*incoming)->peer, frame.body, *message);
  }
}

void Agent::on_rank(const std::string& peer, const std::string& body,
                    const protocol::FromRank& message) {
  RunningGang* running =
      std::visit([&](const auto& said) { return find_gang(said.job, said.attempt); }, message);
  if (running == nullptr) return;  // of an attempt that is over: its processes are dead
  const MonotonicMs now_ms = parts_.clock.monotonic_ms();
  std::visit(
      Overloaded{[&](const protocol::RankHello& hello) {
                   running->gang.on_hello(hello, now_ms);
                   running->peers.insert(peer);
                   parts_.processes.watch(hello.pid);
                   if (running->save_reason) {
                     send_to_rank(peer, protocol::SaveAndLeave{*running->save_reason});
                   }
                 },
                 [&](const protocol::RankBeat& beat) { running->gang.on_beat(beat, now_ms); },
                 [&](const protocol::RankFarewell& farewell) {
                   running->gang.on_farewell(farewell, now_ms);
                   if (const auto number = number_event(peer, body))
                     acknowledge_rank(peer, *number);
                 },
                 [&](const auto& event) { on_rank_event(peer, body, event); }},
      message);
}

void Agent::on_rank_event(const std::string& peer, const std::string& body,
                          protocol::AgentEvent event) {
  if (const auto number = number_event(peer, body))
    pending_.push_back({std::move(event), peer, *number});
}

/// nullopt for an event that was sent again: acknowledged once more when it is held already.
std::optional<std::uint64_t> Agent::number_event(const std::string& peer, const std::string& body) {
  PeerState& state = peers_[peer];
  if (state.events > 0 && state.last_body == body) {
    if (state.acknowledged == state.events) acknowledge_rank(peer, state.events);
    return std::nullopt;
  }
  state.last_body = body;
  return ++state.events;
}

void Agent::acknowledge_rank(const std::string& peer, std::uint64_t number) {
  const auto state = peers_.find(peer);
  if (state == peers_.end()) return;
  state->second.acknowledged = std::max(state->second.acknowledged, number);
  send_to_rank(peer, protocol::RankAck{number});
}

void Agent::send_to_rank(const std::string& peer, const protocol::ToRank& message) {
  if (const Status sent = parts_.ranks.send(peer, protocol::make_frame(message)); !sent.ok()) {
    log_debug("a rank is gone before its message: {}", sent.to_string());
  }
}

// ---------------------------------------------------------------- agent → spool → coordinator

/// In order: an event behind one that cannot be written waits with it.
void Agent::flush_pending() {
  const MonotonicMs now_ms = parts_.clock.monotonic_ms();
  if (now_ms < spool_retry_ms_) return;
  while (!pending_.empty()) {
    const PendingEvent& pending = pending_.front();
    if (const auto kept = spool_.append(pending.event); !kept.ok()) {
      log_error("{}; {} events wait in memory", kept.status().to_string(), pending_.size());
      spool_retry_ms_ = now_ms + kSpoolRetryMs;
      return;
    }
    if (const auto* ended = std::get_if<protocol::AttemptEnded>(&pending.event)) {
      to_close_.insert({ended->job, ended->attempt});
    }
    if (!pending.peer.empty()) acknowledge_rank(pending.peer, pending.number);
    pending_.pop_front();
  }
  std::erase_if(to_close_, [&](const AttemptKey& key) { return journal_.close(key).ok(); });
}

std::vector<AttemptKey> Agent::known_attempts() const {
  std::set<AttemptKey> known;
  for (const auto& [key, launcher] : journal_.open_attempts()) known.insert(key);
  for (const protocol::SequencedEvent& sequenced : spool_.unacknowledged()) {
    if (const auto* ended = std::get_if<protocol::AttemptEnded>(&sequenced.event)) {
      known.insert({ended->job, ended->attempt});
    }
  }
  return {known.begin(), known.end()};
}

void Agent::send_hello() {
  protocol::AgentHello hello = parts_.identity;
  hello.known_attempts = known_attempts();
  const auto& waiting = spool_.unacknowledged();
  hello.first_unacknowledged = waiting.empty() ? spool_.next_sequence() : waiting.front().sequence;
  if (!parts_.coordinator.send(protocol::make_frame(protocol::FromAgent{hello})).ok()) return;
  hello_due_ = false;
  sent_sequence_ = 0;
}

/// Every message begins with the oldest unacknowledged event: whatever gets lost on the way, the
/// coordinator never sees a gap, and an acknowledgement never covers what it has not seen.
void Agent::send_events() {
  const auto& waiting = spool_.unacknowledged();
  if (hello_due_ || waiting.empty()) return;
  const MonotonicMs now_ms = parts_.clock.monotonic_ms();
  const std::size_t count = std::min(waiting.size(), kEventsPerMessage);
  const std::uint64_t last = waiting[count - 1].sequence;
  if (last <= sent_sequence_ && now_ms - events_sent_ms_ < kResendMs) return;
  protocol::AgentEvents message{
      .agent = parts_.identity.agent,
      .events = {waiting.begin(), waiting.begin() + static_cast<std::ptrdiff_t>(count)}};
  const auto frame = protocol::make_frame(protocol::FromAgent{std::move(message)});
  if (!parts_.coordinator.send(frame).ok()) return;
  sent_sequence_ = last;
  events_sent_ms_ = now_ms;
}

void Agent::send_heartbeat() {
  const MonotonicMs now_ms = parts_.clock.monotonic_ms();
  if (hello_due_ || now_ms - heartbeat_sent_ms_ < limits::kAgentHeartbeatMs) return;
  heartbeat_sent_ms_ = now_ms;
  protocol::AgentHeartbeat heartbeat{.agent = parts_.identity.agent, .ranks = {}, .beats = {}};
  for (const auto& [key, running] : gangs_) {
    std::ranges::move(running.gang.hellos(), std::back_inserter(heartbeat.ranks));
    std::ranges::move(running.gang.beats(), std::back_inserter(heartbeat.beats));
  }
  if (const Status sent =
          parts_.coordinator.send(protocol::make_frame(protocol::FromAgent{heartbeat}));
      !sent.ok()) {
    log_debug("heartbeat: {}", sent.to_string());
  }
}

}  // namespace tagalign::agent
