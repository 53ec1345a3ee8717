/// A simulated Slurm: jobs wait in its queue, start on nodes of their own, and end in every way that
/// we know of: by themselves, at their limit, before it, cancelled, or requeued. It outlives the
/// coordinators that ask it.
///
/// Owns     its jobs. Their nodes are the cluster's, which makes them when asked to.
/// Checks   that a pool never has more allocations than its maximum.
/// Threads  one.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "coordinator/service/service.h"
#include "tests/simulation/machines/node.h"
#include "tests/simulation/world.h"

namespace tagalign::simulation {

/// One job: an allocation of a pool, or what another state folder has there.
struct SlurmJob {
  std::string number;
  std::string name;
  bool ours = true;
  wire::PoolSpec pool;  ///< as it was submitted
  std::string state = "PENDING";
  std::string reason;
  UnixMs ends_ms = 0;
  int restarts = 0;
  int turn = 0;              ///< what was planned in an earlier one does not come any more
  std::vector<Node*> nodes;  ///< where it runs; without those whose agents never start
};

class Slurm {
 public:
  using AddNode = std::function<Node&(NodeKind kind)>;
  Slurm(World& world, AddNode add_node);

  // what its programs do
  /// The number of the new job.
  std::string submit(const wire::PoolSpec& pool, const std::string& token);
  std::vector<core::QueueRow> queue() const;
  std::vector<core::AccountingRow> accounting(const std::vector<std::string>& numbers) const;
  void cancel(const std::string& number);

  /// Nullptr when it is over.
  const SlurmJob* find(const std::string& number) const;
  /// Those of ours that wait or run.
  std::vector<std::string> live() const;
  /// Of those that run.
  std::vector<Node*> nodes() const;
  /// Whether the coordinator's machine reaches the controller.
  bool reachable = true;

  /// One of its jobs is preempted, ended by others, loses a node, or the sight of all.
  void strike();
  /// What waits starts soon; nodes that it has lost sight of end.
  void heal();

 private:
  using Step = void (Slurm::*)(SlurmJob& job);
  /// Unless the job has another turn by then.
  void later(const SlurmJob& job, std::int64_t delay_ms, Step step);
  void check_maximum(const wire::PoolSpec& pool);
  void wait_for_nodes(SlurmJob& job);
  void start(SlurmJob& job);
  void plan_ends(SlurmJob& job);
  void add_nodes(SlurmJob& job);
  void look(SlurmJob& job);
  void warn(SlurmJob& job);
  void reach_limit(SlurmJob& job);
  void fail(SlurmJob& job);
  void requeue(SlurmJob& job);
  void forget(SlurmJob& job);
  void preempt(SlurmJob& job);
  void lose_sight(SlurmJob& job);
  void end(SlurmJob& job, const std::string& how, int exit_code);
  void take_nodes(SlurmJob& job);
  SlurmJob* any_running();

  World& world_;
  AddNode add_node_;
  std::map<std::string, SlurmJob> jobs_;              ///< that squeue shows, by number
  std::map<std::string, core::AccountingRow> ended_;  ///< as far as sacct knows
  std::vector<Node*> out_of_sight_;                   ///< live on when Slurm thinks them dead
  int numbers_ = 1'000;
};

}  // namespace tagalign::simulation
