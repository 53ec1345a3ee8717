/// The agent's side of its ranks' socket: which event is new, and what was acknowledged.
///
/// Acknowledgements count the events of one peer from 1; an event that is sent again is recognised
/// by its bytes. Borrows the socket. Failure: a rank that is gone misses its messages. One thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "coordinator/wire/messages.h"
#include "coordinator/wire/next_job.h"
#include "coordinator/wire/transport.h"

namespace tagalign::agent {

struct RankMessage {
  std::string peer;
  std::string body;  ///< of the frame
  wire::FromRank message;
};

class RankLink {
 public:
  explicit RankLink(wire::ServerSocket& socket) : socket_(socket) {}

  /// nullopt when nothing is there; never waits.
  std::optional<RankMessage> receive();
  /// The number of a new event; nullopt for one that was sent again, which is acknowledged once
  /// more when it is held already.
  std::optional<std::uint64_t> take_event(const RankMessage& event);
  void acknowledge(const std::string& peer, std::uint64_t number);
  void tell(const std::string& peer, const wire::ToRank& message);
  /// To a rank that waits: it comes back as another peer.
  void hand(const std::string& peer, const wire::NextJob& next);
  void forget(const std::string& peer) { peers_.erase(peer); }

 private:
  struct PeerState {
    std::uint64_t events = 0;
    std::uint64_t acknowledged = 0;
    std::string last_body;
  };

  wire::ServerSocket& socket_;
  std::map<std::string, PeerState> peers_;
};

}  // namespace tagalign::agent
