/// One process of a simulated gang, as its agent hears it: the reporter's side of the rank
/// protocol. Events go one at a time, in order, and are sent again until they are acknowledged.
///
/// Owns     its queue. Held by shared pointer: what waits in the world's queue keeps it, and does
///          nothing once the process is dead.
/// Threads  one.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "coordinator/wire/transport.h"
#include "tests/simulation/world.h"

namespace tagalign::simulation {

class Rank : public std::enable_shared_from_this<Rank> {
 public:
  using Send = std::function<void(const std::string& peer, wire::Frame frame)>;
  /// Told whether the agent holds the event: false after the patience of the reporter.
  using Held = std::function<void(bool)>;

  Rank(World& world, AttemptKey key, int number, int pid, Send send);

  /// Hello, then beats until the end.
  void hello();
  void report(const wire::FromRank& event, Held held);
  void farewell(int code, const std::string& reason, Held held);
  /// Of a process that says nothing else, not even hello.
  void ask(const wire::FromRank& wish, Held held);
  void receive(const wire::ToRank& message);
  void die() {
    alive_ = false;
    queue_.clear();
  }
  /// Stands still from now on (a stopped process): only SIGKILL ends it.
  void fall_silent() { silent_ = true; }
  /// Gets no further, but goes on saying so: an endless loop, a read that never comes back.
  void hang() { hung_ = true; }
  /// The others are in a collective that it does not come to.
  void wait_in_collective() { collective_ = "all_reduce_sum"; }
  void enter(wire::Phase phase) {
    phase_ = phase;
    ++moves_;
  }

  int pid() const { return pid_; }
  int number() const { return number_; }
  bool alive() const { return alive_; }
  bool moves() const { return alive_ && !silent_; }
  bool gets_on() const { return moves() && !hung_; }
  bool told_to_leave() const { return told_to_leave_; }
  const std::string& peer() const { return peer_; }

  std::uint64_t step = 0;
  std::function<void()> when_alone;  ///< its agent says nothing any more

 private:
  struct Event {
    wire::Frame frame;
    std::uint64_t ticket = 0;
    std::uint64_t number = 0;  ///< as the agent counts, from 1; 0: not sent yet
    Held held;
  };

  void beat();
  void enqueue(wire::Frame frame, std::int64_t patience_ms, Held held);
  void send_front();
  void settle_front(bool held);

  World& world_;
  const AttemptKey key_;
  const int number_;
  const int pid_;
  const std::string peer_;
  Send send_;
  bool alive_ = true;
  bool silent_ = false;
  bool hung_ = false;
  wire::Phase phase_ = wire::Phase::kLoad;
  std::uint64_t moves_ = 1;
  std::string collective_;
  bool greeted_ = false;
  bool told_to_leave_ = false;
  UnixMs heard_ms_ = 0;  ///< of the agent; 0: not spoken to yet
  std::deque<Event> queue_;
  std::string newest_body_;
  std::uint64_t tickets_ = 0;
  std::uint64_t numbers_ = 0;
};

}  // namespace tagalign::simulation
