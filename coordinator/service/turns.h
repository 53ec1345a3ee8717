/// Whose request is answered now: a key that asks without end waits, and nobody else.
///
/// Each key has an account of work, in microseconds, that fills by a share of the time. One that has
/// overdrawn it is heard again when it is filled; until then its requests are held, a bounded number
/// of them. Admins have no account. Work is estimated from bytes, so that equal requests are
/// treated alike whatever the machine does beside.
#pragma once

#include <deque>
#include <map>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "coordinator/wire/transport.h"

namespace tagalign::service {

struct TurnLimits {
  double share = 0.1;  ///< of the coordinator's time, for each key
  double burst_us = 250'000;
  std::size_t per_round = 4;  ///< what requests cost is known when the round is answered
  std::size_t held_max = 64;
  std::size_t held_bytes_max = 64u << 20;
};

class Turns {
 public:
  explicit Turns(const TurnLimits& limits = {}) : limits_(limits) {}

  /// True: a request of this key is taken now. Those of one key are taken in their order.
  bool take_turn(const wire::ProvenKey& key, MonotonicMs now_ms);
  /// Keeps a request for later. kUnavailable when the key waits for too many.
  Status hold(wire::IncomingFrame request);
  /// Begins a round: held requests whose turn has come.
  std::vector<wire::IncomingFrame> due(MonotonicMs now_ms);
  /// A request or an answer of so many bytes.
  void charge(const wire::ProvenKey& key, std::size_t bytes);

 private:
  struct Account {
    double left_us = 0;
    MonotonicMs at_ms = 0;
    std::deque<wire::IncomingFrame> held;
    std::size_t held_bytes = 0;
    std::size_t taken = 0;  ///< in this round
  };
  Account& account(const std::string& name, MonotonicMs now_ms);

  TurnLimits limits_;
  std::map<std::string, Account> accounts_;  ///< one for each key of the allow-list at most
};

}  // namespace tagalign::service
