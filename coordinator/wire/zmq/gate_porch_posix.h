/// Where connections wait until they have said greeting and HELLO: in front of the gate, in a thread
/// of lower priority, so that whoever is inside goes first whatever stands outside.
///
/// It greets in libzmq's name. A visitor costs one descriptor and what it has said. When it is full
/// the address with the most visitors gives up its oldest; those that are through are let in at a
/// bounded rate, addresses in turn, of one address the newest first: under a flood the oldest are
/// likely to have left.
/// Private to the gate.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <unordered_map>

#include "coordinator/wire/zmq/gate_link_posix.h"
#include "coordinator/wire/zmq/gate_sockets_posix.h"

namespace tagalign::wire {

class Porch {
 public:
  struct Door {
    std::function<bool()> has_room;     ///< for one more connection inside
    std::function<void(Guest)> let_in;  ///< is called by the porch's thread
  };
  /// The listener is borrowed.
  Porch(int listener, const GateLimits& limits, Door door);
  ~Porch();
  Porch(const Porch&) = delete;
  Porch& operator=(const Porch&) = delete;

 private:
  struct Visitor {
    int fd = -1;
    std::uint64_t number = 0;
    std::string address;  ///< without the port
    std::string said;
    GateInstant born;
    bool greeted = false;
  };
  using Numbers = std::set<std::uint64_t>;  ///< oldest first

  void serve();
  int patience(GateInstant now) const;
  void accept_some(GateInstant now);
  void admit(int fd, std::string address, GateInstant now);
  void make_room(GateInstant now);
  bool hear(Visitor& visitor);
  void let_in_some(GateInstant now);
  Visitor take(std::uint64_t number);
  void turn_away(std::uint64_t number, GateInstant now);
  void watch(int fd, std::uint32_t events, int operation, std::uint64_t number) const;
  void listen_again(bool on);

  const GateLimits limits_;
  const Door door_;
  const int listener_;
  const int epoll_;
  const int wake_;
  std::atomic<bool> stopping_ = false;
  StrangerNews news_;
  Allowance accepts_;
  Allowance opens_;
  bool listening_ = true;
  std::uint64_t next_ = 2;                     ///< 0 and 1 are the listener and the wake-up
  std::map<std::uint64_t, Visitor> visitors_;  ///< by age
  std::unordered_map<std::string, Numbers> by_address_;
  std::map<std::string, Numbers> ready_;  ///< by address
  std::string last_address_;              ///< whose turn it was
  std::thread thread_;
};

}  // namespace tagalign::wire
