/// One connection through the gate. Private to gate_posix.cpp and its own file.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "coordinator/wire/zmq/gate_posix.h"
#include "coordinator/wire/zmq/zmtp_frames.h"

namespace tagalign::wire {

using GateInstant = std::chrono::steady_clock::time_point;

/// What may be spent: grows evenly up to a bound. May be overdrawn, and is then paid back first.
class Allowance {
 public:
  Allowance(double per_s, double burst, GateInstant now)
      : per_s_(per_s), burst_(burst), left_(burst), at_(now) {}
  bool any(GateInstant now) {
    const std::chrono::duration<double> passed = now - at_;
    left_ = std::min(burst_, left_ + passed.count() * per_s_);
    at_ = now;
    return left_ > 0;
  }
  void spend(double amount) { left_ -= amount; }

 private:
  double per_s_;
  double burst_;
  double left_;
  GateInstant at_;
};

/// One that has said greeting and HELLO. Whoever has it closes the descriptor.
struct Guest {
  int fd = -1;
  std::string said;
};

class GateLink {
 public:
  /// Takes both descriptors, which do not block, and what the peer has said already: it was greeted
  /// in the server's name, and does not hear the server's own greeting.
  GateLink(Guest guest, int inner, const GateLimits& limits, GateInstant now);
  ~GateLink();
  GateLink(const GateLink&) = delete;
  GateLink& operator=(const GateLink&) = delete;

  int outer() const { return outer_.fd; }
  int inner() const { return inner_.fd; }
  bool stranger() const { return stranger_; }
  /// The server has closed its end; what it said before may still lie there.
  void note_inner_hung_up() { inner_hung_up_ = true; }
  bool inner_hung_up() const { return inner_hung_up_; }

  /// Moves what can be moved. False when the connection is over.
  bool move(GateInstant now);
  /// Beyond one of its times, which nothing but a clock tells.
  bool expired(GateInstant now) const;
  /// Whether a clock has to be asked at all, beside for strangers.
  bool restless() const { return throttled_ || !outer_.pending.empty(); }
  /// What epoll shall tell of each descriptor.
  std::uint32_t outer_events(GateInstant now);
  std::uint32_t inner_events() const;
  /// Only time will let it go on.
  bool throttled() const { return throttled_; }

 private:
  struct Side {
    int fd = -1;
    std::string pending;  ///< to be written there
    bool ended = false;   ///< says no more
  };
  bool may_read_outer(GateInstant now);
  bool take_outer();
  bool take_inner();
  bool judge(const ZmtpFrames::Seen& seen, std::size_t bytes);
  bool skip_greeting(std::string_view& bytes);
  bool give(Side& side);

  const GateLimits& limits_;
  Side outer_;
  Side inner_;
  ZmtpFrames asked_;
  ZmtpFrames answered_;
  Allowance frames_;
  Allowance bytes_;
  std::size_t stranger_bytes_ = 0;
  std::size_t greeting_heard_ = 0;  ///< of the server's own
  bool stranger_ = true;
  bool throttled_ = false;
  bool inner_hung_up_ = false;
  GateInstant born_;
  GateInstant taken_at_;  ///< when the peer last took what waited for it
};

}  // namespace tagalign::wire
