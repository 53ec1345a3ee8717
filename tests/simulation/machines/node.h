/// A simulated machine with its agent: the real agent::Agent over a disk, processes and sockets
/// that the simulation can break.
///
/// Owns     the machine's disk and processes, which survive the agent's process.
/// Failure  an agent that ended, or cannot start (its disk is full), is started again later: by its
///          machine, or by the pool that the machine belongs to. In a Slurm allocation it is not.
/// Threads  one.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/simulation/machines/disk.h"
#include "tests/simulation/machines/machine.h"
#include "tests/support/fake_transport.h"
#include "worker/agent/agent.h"

namespace tagalign::simulation {

struct NodeKind {
  AgentId id;
  int slots = 1;
  bool gpus = false;       ///< one behind every slot
  bool pooled = false;     ///< a pool starts its agent
  bool allocated = false;  ///< for a while each time, after which the machine is taken away
  wire::AgentPlace place;  ///< in a Slurm allocation its agent starts once, and ends with it
};

class Node {
 public:
  using Uplink = std::function<void(Node& from, wire::Frame frame)>;
  Node(World& world, NodeKind kind, Uplink uplink);

  void start();
  /// The agent's process dies, and its launchers with it.
  void crash();
  /// The whole machine dies and loses what its disk had not synced.
  void power_cut();
  /// The machine dies and never comes back.
  void retire();
  /// The agent's process dies, and comes back to an empty disk.
  void wipe();
  /// What SIGUSR1 does.
  void ask_to_leave(const std::string& reason);
  void fill_disk(bool full) { disk_.full = full; }
  bool retired() const { return retired_; }
  bool up() const { return agent_ != nullptr; }
  /// It will not be up again.
  bool ended() const { return retired_ || (allocated_by_slurm() && incarnation_ > 0 && !up()); }
  const AgentId& id() const { return kind_.id; }
  int slots() const { return kind_.slots; }
  bool pooled() const { return kind_.pooled; }

  /// The name of the node's connection at the coordinator: another one after every reconnection.
  std::string peer() const;
  void reconnect() { ++connection_; }
  void receive(const wire::Frame& frame);
  /// What the agent says while nobody listens waits in its socket, and ends with its process.
  void keep_unsent(wire::Frame frame);
  std::vector<wire::Frame> take_unsent() { return std::exchange(unsent_, {}); }

 private:
  agent::AgentParts parts();
  bool allocated_by_slurm() const { return !kind_.place.allocation.empty(); }
  void start_later();
  void end_later();
  void tick(int incarnation);
  void deliver_to_ranks();
  void hear_rank(const std::string& peer, wire::Frame frame);

  World& world_;
  const NodeKind kind_;
  Uplink uplink_;
  Disk disk_;
  Machine machine_;
  std::map<std::string, UnixMs> rank_last_ms_;  ///< a connection keeps order
  std::vector<wire::Frame> unsent_;
  bool retired_ = false;
  int incarnation_ = 0;
  UnixMs ends_ms_ = 0;
  int connection_ = 0;
  std::unique_ptr<wire::FakeClientSocket> coordinator_;
  std::unique_ptr<wire::FakeServerSocket> ranks_;
  std::unique_ptr<agent::Agent> agent_;  ///< null: its process does not run
};

}  // namespace tagalign::simulation
