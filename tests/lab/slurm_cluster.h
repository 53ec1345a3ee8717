/// A real Slurm of several virtual nodes on this machine: controller, one slurmd a node, and a munged
/// of its own, in a container that ends with the test.
///
/// The nodes share this machine's host name; a job tells them apart by SLURMD_NODENAME. Commands
/// (sbatch, squeue, …) run outside, with environment(). But whoever asks a coordinator that a job
/// started does so inside, with container().run(): outside it has another pid, and seems gone.
/// Owns     the daemons and `folder`'s contents; the folder is the caller's to remove.
/// Cost     about two seconds until the nodes are idle.
/// Threads  one, which must outlive the cluster.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/lab/container.h"
#include "tests/lab/slurm_conf.h"

namespace tagalign::lab {

class SlurmCluster {
 public:
  /// kUnsupported names what is missing here: root, namespaces or a package.
  static Status available();
  /// kUnavailable quotes the daemons' logs. `folder`: existing, empty, on a short absolute path.
  static Result<std::unique_ptr<SlurmCluster>> start(const Path& folder,
                                                     const SlurmClusterOptions& options = {});
  ~SlurmCluster();

  /// What Slurm's commands, and Open MPI between virtual nodes, need in their environment.
  std::map<std::string, std::string> environment() const;
  /// Runs a command with that environment, outside, to its end.
  Result<CommandOutput> run(const std::vector<std::string>& command,
                            std::int64_t timeout_ms = 30'000) const;
  /// Standard output of a command that must succeed, without the last line's end; else a status.
  Result<std::string> ask(const std::vector<std::string>& command) const;

  /// SIGKILL to a node's slurmd; its jobs' processes stay until Slurm or somebody else ends them.
  Status kill_slurmd(int node);
  /// SIGKILL to everything that runs on a node, jobs' processes included, as if it lost its power.
  Status kill_node(int node);
  Status start_slurmd(int node);
  Status signal_controller(int signal);
  /// Again, after it was killed.
  Status start_controller();

  /// What a daemon has logged: "slurmctld", "n1", …
  std::string log(const std::string& daemon) const;
  const Container& container() const { return container_; }

 private:
  SlurmCluster(Path folder, SlurmClusterOptions options, Container container);
  Status prepare();
  Status start_munged();
  Status start_daemon(const std::string& name, const std::vector<std::string>& command);
  Status signal_daemon(const std::string& name, int signal);
  Status wait_until_idle();

  Path folder_;
  SlurmClusterOptions options_;
  Container container_;
  std::map<std::string, pid_t> daemons_;  ///< by name: as started in the container
};

/// A state of `scontrol show job`'s field, such as JobState or Restarts; empty: no such job.
std::string job_field(const SlurmCluster& slurm, const std::string& job, const std::string& field);

}  // namespace tagalign::lab
