/// A simulated agent with its gangs. Its disk (spool, accepted attempts) survives crashes, its
/// gangs do not.
#pragma once

#include <deque>
#include <memory>

#include "tests/simulation/world.h"

namespace tagalign::simulation {

class Agent {
 public:
  using Send = std::function<void(protocol::FromAgent)>;
  Agent(World& world, AgentId id, int slots, Send send);

  void start();
  void crash();
  bool up() const { return up_; }
  int incarnation() const { return incarnation_; }
  const AgentId& id() const { return id_; }
  void receive(const protocol::ToAgent& message);

 private:
  struct Gang {
    protocol::Launch launch;
    std::uint64_t step = 0;
    bool leaving = false;
    bool wedged = false;
  };

  void take(const protocol::Launch& launch);
  void take(const protocol::StopAttempt& stop);
  void take(const protocol::AckEvents& ack);
  void take(const protocol::AgentShutdown&) {}
  void take(const protocol::SayHello&);

  void start_gang(const protocol::Launch& launch);
  void advance(AttemptKey key, int incarnation);
  void train_step(AttemptKey key, Gang& gang);
  bool commit(AttemptKey key, Gang& gang, bool scheduled);
  void evaluate(AttemptKey key, const Gang& gang);
  void end(AttemptKey key, protocol::Outcome outcome, std::string message);
  void report(AttemptKey key, protocol::AgentEvent event);
  void send_spool();
  void beat(int incarnation);

  World& world_;
  const AgentId id_;
  const int slots_;
  Send send_;
  int incarnation_ = 0;
  bool up_ = false;
  std::map<AttemptKey, Gang> gangs_;
  // On disk:
  std::map<JobId, Attempt>
      accepted_;  // newest of each job: neither it nor an older one starts again
  std::map<AttemptKey, std::uint64_t>
      open_;  // unfinished or unacknowledged → sequence of its end, 0: still runs
  std::deque<protocol::SequencedEvent> spool_;
  std::uint64_t next_sequence_ = 1;
};

}  // namespace tagalign::simulation
