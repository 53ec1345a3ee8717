#include "worker/agent/rank_link.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "coordinator/wire/codec.h"

namespace tagalign::agent {

std::optional<RankMessage> RankLink::receive() {
  while (true) {
    auto incoming = socket_.receive(0);
    if (!incoming.ok() || !incoming->has_value()) return std::nullopt;
    wire::Frame& frame = (*incoming)->frame;
    if (frame.kind != wire::FrameKind::kFromRank) continue;
    auto message = wire::decode_from_rank(frame.body);
    if (message.ok())
      return RankMessage{(*incoming)->peer, std::move(frame.body), std::move(message).value()};
    log_warning("dropped a message of a rank: {}", message.status().to_string());
  }
}

std::optional<std::uint64_t> RankLink::take_event(const RankMessage& event) {
  PeerState& state = peers_[event.peer];
  if (state.events > 0 && state.last_body == event.body) {
    if (state.acknowledged == state.events) acknowledge(event.peer, state.events);
    return std::nullopt;
  }
  state.last_body = event.body;
  return ++state.events;
}

void RankLink::acknowledge(const std::string& peer, std::uint64_t number) {
  const auto state = peers_.find(peer);
  if (state == peers_.end()) return;
  state->second.acknowledged = std::max(state->second.acknowledged, number);
  tell(peer, wire::RankAck{number});
}

void RankLink::tell(const std::string& peer, const wire::ToRank& message) {
  if (const Status sent = socket_.send(peer, wire::make_frame(message)); !sent.ok())
    log_debug("a rank is gone before its message: {}", sent.to_string());
}

void RankLink::hand(const std::string& peer, const wire::NextJob& next) {
  if (const Status sent = socket_.send(peer, wire::make_frame(next)); !sent.ok())
    log_warning("a rank that waits does not get its next job: {}", sent.to_string());
  forget(peer);
}

}  // namespace tagalign::agent
