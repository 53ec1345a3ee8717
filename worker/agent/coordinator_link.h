/// The agent's side of its connection to the coordinator: says hello, sends events until they
/// are acknowledged, and beats.
///
/// Borrows socket and clock. Failure: what cannot be sent is sent later. One thread.
#pragma once

#include <cstdint>
#include <optional>

#include "base/clock.h"
#include "coordinator/wire/messages.h"
#include "coordinator/wire/transport.h"
#include "worker/agent/gangs/gangs.h"
#include "worker/agent/journal/journal.h"

namespace tagalign::agent {

class CoordinatorLink {
 public:
  CoordinatorLink(wire::ClientSocket& socket, Clock& clock, wire::AgentHello identity)
      : socket_(socket), clock_(clock), identity_(std::move(identity)) {}

  /// nullopt when nothing is there; never waits.
  std::optional<wire::ToAgent> receive();
  void say_hello_again() { hello_due_ = true; }
  /// Said before any further event: what a launch would hold here is given to another agent.
  void withdraw_slots();
  /// Whatever is due: hello, then events, then a beat.
  void send(const Journal& journal, const Gangs& gangs);

 private:
  void send_hello(const Journal& journal);
  void send_events(const Journal& journal);
  void send_heartbeat(const Gangs& gangs);

  wire::ClientSocket& socket_;
  Clock& clock_;
  wire::AgentHello identity_;
  bool hello_due_ = true;
  std::uint64_t sent_sequence_ = 0;
  MonotonicMs events_sent_ms_ = 0;
  MonotonicMs heartbeat_sent_ms_ = 0;
};

}  // namespace tagalign::agent
