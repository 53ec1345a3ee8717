/// The coordinator's process: the real service::Service over a socket, a store and a clock that
/// the simulation can break.
///
/// Owns     the store, which survives the process, and the pool and the calls of Slurm, which do not.
///          Checks after every round what users may have been told and that the pool is known as it
///          is, and after every start that the store gives the state of the last process.
/// Threads  one.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "coordinator/core/core.h"
#include "coordinator/service/service.h"
#include "tests/simulation/coordinator/pool.h"
#include "tests/simulation/coordinator/storage.h"
#include "tests/simulation/machines/disk.h"
#include "tests/simulation/slurm/slurm_calls.h"
#include "tests/simulation/world.h"
#include "tests/support/fake_transport.h"

namespace tagalign::simulation {

class Coordinator {
 public:
  /// What lies around its process.
  struct Surroundings {
    Slurm* slurm = nullptr;  ///< nullptr: none that pools could be of
    std::function<void(const std::string& peer, wire::Frame frame)> send;
    std::function<void()> started;
    std::function<std::vector<Node*>()> pool_nodes;  ///< asked at every start
  };
  Coordinator(World& world, bool sqlite, Surroundings surroundings);

  void start();
  void crash();
  bool up() const { return service_ != nullptr; }
  int incarnation() const { return incarnation_; }

  void receive(const std::string& peer, wire::PeerRole role, const wire::Frame& frame);
  void fail_store(int appends, int reads) { store_.fail(appends, reads); }
  /// The store works from now on. One that may not grow does after the next start.
  void heal();
  std::uint64_t stored() const { return store_.fact_count(); }
  /// Requires up().
  const core::State& state() const { return service_->state(); }

 private:
  void tick(int incarnation);
  void stop_or_continue();
  void start_later();
  core::Policy policy() const;
  void check_replay();
  void check_pool();
  void check_bounds();
  void excuse_lost();
  void check_finished();

  World& world_;
  const Surroundings surroundings_;
  const std::uint64_t facts_per_snapshot_min_;
  Storage store_;                               // survives crashes
  std::string last_dump_;                       // what the last process knew, durable part
  std::map<JobId, std::string> seen_finished_;  // state name: what a user may have been told
  Disk disk_;
  int incarnation_ = 0;
  std::unique_ptr<Pool> pool_;
  std::unique_ptr<SlurmCalls> slurm_calls_;
  std::unique_ptr<wire::FakeServerSocket> socket_;
  std::unique_ptr<service::Service> service_;  ///< null: the process does not run
};

}  // namespace tagalign::simulation
