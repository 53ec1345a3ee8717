/// What befalls a cluster in bad weather: crashes, cuts between any two parties, full disks, people.
///
/// Borrows  all that it strikes, which must outlive it.
/// Threads  one.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <vector>

#include "tests/simulation/client.h"
#include "tests/simulation/coordinator/coordinator.h"
#include "tests/simulation/network.h"
#include "tests/simulation/slurm/slurm.h"

namespace tagalign::simulation {

struct Targets {
  World& world;
  Network& network;
  Coordinator& coordinator;
  const std::vector<std::unique_ptr<Node>>& nodes;  ///< without those of Slurm
  const std::vector<std::unique_ptr<Client>>& clients;
  Slurm* slurm = nullptr;  ///< nullptr where there is none
  std::function<bool(int)>
      lasting;  ///< whether a node, by its number, is never taken away for good
};

class Strikes {
 public:
  explicit Strikes(Targets targets) : targets_(std::move(targets)), world_(targets_.world) {}

  /// Chooses the kinds that this run is spared.
  void spare();
  /// From now on something strikes every few seconds.
  void begin();
  /// Nothing strikes any more, and all links and disks work.
  void heal();
  /// Nodes that a pool starts.
  std::vector<Node*> pooled() const;

 private:
  struct Ways {
    bool up;
    bool down;
  };

  void strike_again();
  void strike();
  void crash_coordinator();
  void fail_store();
  void crash_agent();
  void cut_power();
  void wipe_node();
  void end_pool();
  void retire_node();
  void cut_link();
  void cut_link(Node& node, Ways ways, std::int64_t duration_ms);
  void mend_link(const Node& node);
  void mute_training();
  void split_nodes();
  void split(const Node& a, const Node& b);
  void fill_disk(Node& node);
  void set_clock();
  void stop_everything();
  void cancel_something();
  void change(JobId job);

  // where there is a Slurm
  void strike_slurm_again();
  void strike_slurm();
  void strike_allocated(Node& node);
  void cut_off_slurm();
  void cut_off_client();

  Node& any_node() { return *targets_.nodes[world_.random.below(targets_.nodes.size())]; }
  Client& any_client() { return *targets_.clients[world_.random.below(targets_.clients.size())]; }

  const Targets targets_;
  World& world_;
  std::set<std::uint64_t> spared_;
  bool healed_ = false;
};

}  // namespace tagalign::simulation
