/// How a gang is started: the command and environment of its launcher, as pure functions.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file_system.h"
#include "base/process.h"
#include "coordinator/wire/messages.h"
#include "coordinator/wire/next_job.h"
#include "worker/agent/gangs/process_name.h"
#include "worker/exec/exec_program.h"

namespace tagalign::agent {

/// Where an attempt's configuration and logs lie: <workspace>/logs/<job name>/attempt-<N>.
Path attempt_folder(const wire::Launch& launch);
inline Path attempt_config(const wire::Launch& launch) {
  return attempt_folder(launch) / "config.yaml";
}
/// For srun: the node of each rank, one a line.
inline Path rank_hosts(const wire::Launch& launch) {
  return attempt_folder(launch) / "hosts.txt";
}
inline Path launcher_log(const wire::Launch& launch) {
  return attempt_folder(launch) / "launcher.log";
}
inline Path rank_log(const wire::Launch& launch, int rank) {
  return attempt_folder(launch) / ("rank-" + std::to_string(rank) + ".log");
}
/// What a rank that ends without a farewell leaves behind (coordinator/wire/end_note.h).
inline Path rank_end_note(const wire::Launch& launch, int rank) {
  return attempt_folder(launch) / ("rank-" + std::to_string(rank) + ".end");
}
/// What its threads were doing, where its gang was taken for hung.
inline Path rank_stacks(const wire::Launch& launch, int rank) {
  return attempt_folder(launch) / ("rank-" + std::to_string(rank) + ".stacks");
}
/// Likewise as the agent of a node saw its ranks from outside.
inline Path hang_report(const wire::Launch& launch, const AgentId& agent) {
  return attempt_folder(launch) / ("hang-" + agent.value + ".txt");
}
/// Of mpirun's daemon on the node of `agent`.
inline Path daemon_log(const wire::Launch& launch, const AgentId& agent) {
  return attempt_folder(launch) / ("daemon-" + agent.value + ".log");
}

/// What one agent has of a gang.
struct Part {
  std::size_t share = 0;  ///< index into Launch::shares; 0 is the head, which starts the launcher
  int first_rank = 0;
  int ranks = 0;
  std::vector<int> slots;  ///< numbers of the agent's slots
  /// One process without MPI, which the agent starts and watches itself: it has no rank that would
  /// speak, and `ranks` is 0.
  bool is_plain = false;
  bool is_head() const { return share == 0; }
};
/// The part of `agent`; nothing of a launch that does not name it.
Part part_of(const wire::Launch& launch, const AgentId& agent);
inline bool spans_nodes(const wire::Launch& launch) {
  return launch.shares.size() > 1;
}
/// On one node mpirun needs no help, whatever the pool says.
inline bool by_srun(const wire::Launch& launch) {
  return spans_nodes(launch) && launch.launcher == wire::GangLauncher::kSrun;
}

/// For ranks that are there already.
wire::NextJob next_job_of(const wire::Launch& launch);

/// Words by which this program helps a launcher (launch_help_posix.h).
inline constexpr const char* kStartDaemon = "start-daemon";
inline constexpr const char* kTakeSeat = "take-seat";

struct GangEnvironment {
  std::string mpirun = "mpirun";  ///< name on PATH, or a path
  Path worker;                    ///< program of a rank
  Path tagalign;                  ///< this program: it helps the launchers of several nodes
  Path socket;                    ///< where ranks find the agent
  std::string agent_mark;         ///< names the agent's folder; see gang_mark()
  int agent_pid = 0;              ///< ranks end with this process
  std::string coordinator;        ///< names the coordinator's state in the leases of checkpoints
  bool as_root = false;           ///< mpirun refuses root unless told otherwise
  Path scratch;  ///< for MPI's session folders and shared memory; empty: where MPI puts them
  /// The same path on every node, for what Open MPI wants to be the same everywhere.
  Path common_scratch;
  /// Networks for MPI and NCCL, by name ("ib0") or address ("10.0.0.0/24"); empty: they choose.
  std::string interface;
  bool ranks_stay = false;  ///< after a good end, for another job (start_key.h)
  /// Devices of this gang, perhaps none; absent: the agent hands out none, and
  /// CUDA_VISIBLE_DEVICES stays as it is.
  std::optional<std::vector<std::string>> gpus;
  /// Cores nearest to each device, as Linux lists them; where nothing is known of a device, it is not
  /// in here and its ranks run anywhere.
  std::map<std::string, std::string> cores_of_gpu;
};

/// Every process of an attempt carries TAGALIGN_GANG=<this> in its environment, so that what
/// is left of it can be found after its parents are gone. Ends with a dot, so that no mark is
/// the beginning of another.
std::string gang_mark(const std::string& agent_mark, const AttemptKey& key);

/// MPI's files of one attempt: a gang that was killed cannot clear up, so its agent does.
inline Path gang_scratch(const GangEnvironment& environment, const AttemptKey& key) {
  return environment.scratch / gang_mark("gang", key);
}

/// MPI's shared memory of one attempt on several nodes.
inline Path common_scratch(const GangEnvironment& environment, const AttemptKey& key) {
  return environment.common_scratch / gang_mark(environment.coordinator, key);
}

/// The launcher's command, for the head; of an exec job without MPI the program itself.
std::vector<std::string> gang_command(const wire::Launch& launch,
                                      const GangEnvironment& environment);
ProcessOptions gang_process(const wire::Launch& launch, const GangEnvironment& environment);
/// An exec job without MPI.
ProcessOptions plain_process(const wire::Launch& launch, const GangEnvironment& environment,
                             const config::ExecConfig& config);
/// What ranks on this node take that srun started: it gives all of them the head's.
std::map<std::string, std::string> seat_variables(const wire::Launch& launch,
                                                  const GangEnvironment& environment);
/// Where they find it, below the common scratch of the attempt.
inline Path seat_file(const Path& common, const std::string& node) {
  return common / ("seat-" + node);
}
/// mpirun's daemon on another node, which it asked for by `command`.
ProcessOptions daemon_process(const wire::Launch& launch, const GangEnvironment& environment,
                              const AgentId& agent, const std::string& command);
/// "4 ranks on 2 nodes by mpirun: a has ranks 0 to 1 on slots 0,1; b …": for the log.
std::string describe_gang(const wire::Launch& launch, const GangEnvironment& environment);

/// mpirun's name for a node of the gang, and back: names of our own need no name server and cannot
/// be taken for this host. nullopt for other names.
std::string node_name(std::size_t share);
std::optional<std::size_t> share_of_node(std::string_view name);

}  // namespace tagalign::agent
