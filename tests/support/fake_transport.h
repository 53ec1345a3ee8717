/// Sockets without a network: tests put frames in and look at what was sent, to the last frame.
///
/// Knobs of the server: a peer can be gone (send is kUnavailable), incoming frames
/// can be lost, duplicated or delayed by a number of receive() calls. Time and links
/// are the simulator's (tests/simulation/network.h).
#pragma once

#include <deque>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "coordinator/wire/codec.h"
#include "coordinator/wire/transport.h"

namespace tagalign::wire {

class FakeServerSocket final : public ServerSocket {
 public:
  std::string endpoint() const override { return "tcp://fake:1"; }

  Result<std::optional<IncomingFrame>> receive(std::int64_t) override {
    for (auto& delayed : incoming_) {
      if (delayed.calls_left > 0) --delayed.calls_left;
    }
    if (incoming_.empty() || incoming_.front().calls_left > 0) {
      return std::optional<IncomingFrame>();
    }
    IncomingFrame frame = std::move(incoming_.front().frame);
    incoming_.pop_front();
    return std::optional(std::move(frame));
  }

  Status send(const std::string& peer, const Frame& frame) override {
    if (gone_.contains(peer)) return unavailable("send to a peer: it is no longer connected");
    sent_[peer].push_back(frame);
    return ok_status();
  }

  void lose_next(int frames) { to_lose_ = frames; }
  void duplicate_next(int frames) { to_duplicate_ = frames; }
  void delay_next(int receive_calls) { delay_calls_ = receive_calls; }
  void set_gone(const std::string& peer) { gone_.insert(peer); }

  /// With a key that may do everything as that role.
  void put(const std::string& peer, PeerRole role, Frame frame) {
    const auto key_role = role == PeerRole::kAgent ? KeyRole::kAgent : KeyRole::kAdmin;
    put({peer, role, std::move(frame), {"test", key_role}});
  }
  void put(const IncomingFrame& frame) {
    if (to_lose_ > 0) {
      --to_lose_;
      return;
    }
    const int calls = std::exchange(delay_calls_, 0);
    const int copies = to_duplicate_ > 0 ? 2 : 1;
    if (to_duplicate_ > 0) --to_duplicate_;
    for (int copy = 0; copy < copies; ++copy) incoming_.push_back({calls, frame});
  }
  void put(const std::string& peer, const ClientRequest& request) {
    put(peer, PeerRole::kClient, make_frame(request));
  }
  void put(const std::string& peer, const FromAgent& message) {
    put(peer, PeerRole::kAgent, make_frame(message));
  }

  /// All frames sent since the last call, by peer.
  std::map<std::string, std::vector<Frame>> take_all_sent() { return std::exchange(sent_, {}); }
  /// All frames sent to `peer` since the last call.
  std::vector<Frame> take_sent(const std::string& peer) { return std::exchange(sent_[peer], {}); }
  /// Aborts when something else than replies was sent.
  std::vector<ClientReply> take_replies(const std::string& peer) {
    std::vector<ClientReply> replies;
    for (const Frame& frame : take_sent(peer)) {
      replies.push_back(decode_client_reply(frame.body).value());
    }
    return replies;
  }
  /// Aborts when something else than messages to an agent was sent.
  std::vector<ToAgent> take_orders(const std::string& peer) {
    std::vector<ToAgent> orders;
    for (const Frame& frame : take_sent(peer)) {
      orders.push_back(decode_to_agent(frame.body).value());
    }
    return orders;
  }

 private:
  struct Delayed {
    int calls_left = 0;
    IncomingFrame frame;
  };
  std::deque<Delayed> incoming_;
  std::map<std::string, std::vector<Frame>> sent_;
  std::set<std::string> gone_;
  int to_lose_ = 0;
  int to_duplicate_ = 0;
  int delay_calls_ = 0;
};

class FakeClientSocket final : public ClientSocket {
 public:
  Status send(const Frame& frame) override {
    sent_.push_back(frame);
    return ok_status();
  }
  Result<std::optional<Frame>> receive(std::int64_t) override {
    if (incoming_.empty()) return std::optional<Frame>();
    Frame frame = std::move(incoming_.front());
    incoming_.pop_front();
    return std::optional(std::move(frame));
  }

  void put(Frame frame) { incoming_.push_back(std::move(frame)); }
  std::vector<Frame> take_sent() { return std::exchange(sent_, {}); }

 private:
  std::deque<Frame> incoming_;
  std::vector<Frame> sent_;
};

}  // namespace tagalign::wire
