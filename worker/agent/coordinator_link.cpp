#include "worker/agent/coordinator_link.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/limits.h"
#include "base/log.h"
#include "coordinator/wire/codec.h"

namespace tagalign::agent {
namespace {

constexpr std::int64_t kResendMs = 1'000;
constexpr std::size_t kEventsPerMessage = 128;

std::vector<AttemptKey> known_attempts(const Journal& journal) {
  std::set<AttemptKey> known;
  for (const auto& [key, launcher] : journal.open_attempts()) known.insert(key);
  for (const wire::SequencedEvent& sequenced : journal.unacknowledged()) {
    if (const auto* ended = std::get_if<wire::AttemptEnded>(&sequenced.event))
      known.insert({ended->job, ended->attempt});
  }
  return {known.begin(), known.end()};
}

}  // namespace

std::optional<wire::ToAgent> CoordinatorLink::receive() {
  while (true) {
    const auto frame = socket_.receive(0);
    if (!frame.ok() || !frame->has_value()) return std::nullopt;
    if ((*frame)->kind != wire::FrameKind::kToAgent) continue;
    auto message = wire::decode_to_agent((*frame)->body);
    if (message.ok()) return std::move(message).value();
    log_warning("dropped a message of the coordinator: {}", message.status().to_string());
  }
}

void CoordinatorLink::withdraw_slots() {
  identity_.slots = 0;
  hello_due_ = true;
}

void CoordinatorLink::send(const Journal& journal, const Gangs& gangs) {
  if (hello_due_) send_hello(journal);
  if (hello_due_) return;
  send_events(journal);
  send_heartbeat(gangs);
}

void CoordinatorLink::send_hello(const Journal& journal) {
  wire::AgentHello hello = identity_;
  hello.known_attempts = known_attempts(journal);
  const auto& waiting = journal.unacknowledged();
  hello.first_unacknowledged = waiting.empty() ? journal.next_sequence() : waiting.front().sequence;
  if (!socket_.send(wire::make_frame(wire::FromAgent{hello})).ok()) return;
  hello_due_ = false;
  sent_sequence_ = 0;
}

/// Every message begins with the oldest unacknowledged event: whatever gets lost on the way, the
/// coordinator never sees a gap, and an acknowledgement never covers what it has not seen.
void CoordinatorLink::send_events(const Journal& journal) {
  const auto& waiting = journal.unacknowledged();
  if (waiting.empty()) return;
  const MonotonicMs now_ms = clock_.monotonic_ms();
  const std::size_t count = std::min(waiting.size(), kEventsPerMessage);
  const std::uint64_t last = waiting[count - 1].sequence;
  if (last <= sent_sequence_ && now_ms - events_sent_ms_ < kResendMs) return;
  wire::AgentEvents message{
      .agent = identity_.agent,
      .events = {waiting.begin(), waiting.begin() + static_cast<std::ptrdiff_t>(count)}};
  const auto frame = wire::make_frame(wire::FromAgent{std::move(message)});
  if (!socket_.send(frame).ok()) return;
  sent_sequence_ = last;
  events_sent_ms_ = now_ms;
}

void CoordinatorLink::send_heartbeat(const Gangs& gangs) {
  const MonotonicMs now_ms = clock_.monotonic_ms();
  if (now_ms - heartbeat_sent_ms_ < limits::kAgentHeartbeatMs) return;
  heartbeat_sent_ms_ = now_ms;
  const wire::AgentHeartbeat heartbeat{
      .agent = identity_.agent, .ranks = gangs.hellos(), .beats = gangs.beats()};
  const Status sent = socket_.send(wire::make_frame(wire::FromAgent{heartbeat}));
  if (!sent.ok()) log_debug("heartbeat: {}", sent.to_string());
}

}  // namespace tagalign::agent
