/// The simulated service around the real core: gathers events, commits them, and only then acts.
#pragma once

#include "coordinator/core/core.h"
#include "coordinator/store/memory_store.h"
#include "tests/simulation/world.h"

namespace tagalign::simulation {

class Coordinator {
 public:
  using Send = std::function<void(const AgentId&, protocol::ToAgent)>;
  Coordinator(World& world, Send send) : world_(world), send_(std::move(send)) {}

  /// Replays the log; what it gives must equal the state that the last process had.
  void start();
  void crash();
  bool up() const { return up_; }
  int incarnation() const { return incarnation_; }

  void receive(const protocol::FromAgent& message);
  void submit(const std::string& token, const protocol::WorkflowSpec& spec);
  void cancel(JobId job);
  /// True once the submission is durable: what the client would have been told.
  bool knows(const std::string& token) const {
    return up_ && core::find_submission(state_, token) != nullptr;
  }

  store::MemoryStore& store() { return store_; }
  const core::State& state() const { return state_; }

 private:
  void tick(int incarnation);
  void commit();
  void act(const core::Event& event, bool send_effects);
  void watch_agents();
  void check_finished();
  void push(core::EventBody body) { batch_.push_back({world_.now, std::move(body)}); }
  void take(const protocol::AgentHello& hello);
  void take(const protocol::AgentEvents& events);
  void take(const protocol::AgentHeartbeat& beat);

  World& world_;
  Send send_;
  store::MemoryStore store_;                    // survives crashes
  std::string last_dump_;                       // what the last process knew, durable part
  std::map<JobId, std::string> seen_finished_;  // state name: what a user may have been told
  bool up_ = false;
  int incarnation_ = 0;
  core::State state_;
  std::vector<core::Event> batch_;
  std::map<AgentId, UnixMs> heard_;
  std::set<AgentId> greeted_;
};

}  // namespace tagalign::simulation
