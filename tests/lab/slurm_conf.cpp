#include "tests/lab/slurm_conf.h"

#include "base/format.h"

namespace tagalign::lab {
namespace {

/// A requeued job may start again once its old credentials have expired: two minutes by default.
constexpr int kCredentialSeconds = 5;

constexpr char kFolders[] = R"(ClusterName=lab
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket,cred_expire={credentials}
StateSaveLocation={folder}/state
SlurmctldPidFile={folder}/slurmctld.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/%n.log
SlurmdPidFile={folder}/%n.pid
SlurmdSpoolDir={folder}/spool_%n
TmpFS={folder}/tmp_%n
)";

constexpr char kBehaviour[] = R"(ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SlurmdParameters=config_overrides
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=1,batch_sched_delay=0,bf_interval=1
JobRequeue=1
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
SlurmctldParameters=preempt_send_user_signal
ReturnToService=2
SlurmctldTimeout=30
SlurmdTimeout={node_down}
KillWait={kill_wait}
InactiveLimit=0
TCPTimeout=2
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
)";

std::string nodes_of(const SlurmClusterOptions& options, const SlurmPlaces& places) {
  const std::string gres =
      options.gpus_per_node == 0 ? "" : format(" Gres=gpu:{}", options.gpus_per_node);
  std::string lines = options.gpus_per_node == 0 ? "" : "GresTypes=gpu\n";
  for (int node = 1; node <= options.nodes; ++node) {
    const int port = places.node_ports[static_cast<std::size_t>(node - 1)];
    lines += format("NodeName=n{} NodeHostname={} NodeAddr=127.0.0.1 Port={} CPUs={}{}\n", node,
                    places.host, port, options.cpus_per_node, gres);
  }
  return lines;
}

}  // namespace

std::string slurm_conf(const SlurmClusterOptions& options, const SlurmPlaces& places) {
  std::string text = format(
      kFolders, fmt::arg("host", places.host), fmt::arg("port", places.controller_port),
      fmt::arg("folder", places.folder.string()), fmt::arg("credentials", kCredentialSeconds));
  std::string behaviour = format(kBehaviour, fmt::arg("node_down", options.node_down_s),
                                 fmt::arg("kill_wait", options.kill_wait_s));
  for (const std::string& line : options.extra_lines) {
    const std::size_t at = behaviour.find("\n" + line.substr(0, line.find('=') + 1));
    if (at != std::string::npos) behaviour.erase(at + 1, behaviour.find('\n', at + 1) - at);
    behaviour += line + "\n";
  }
  text += behaviour + nodes_of(options, places);
  text += format(
      "PartitionName=low Nodes=ALL Default=YES MaxTime=INFINITE PriorityTier=1 GraceTime={}\n"
      "PartitionName=high Nodes=ALL MaxTime=INFINITE PriorityTier=10 PreemptMode=OFF\n",
      options.grace_s);
  return text;
}

std::string gres_conf(const SlurmClusterOptions& options, const Path& folder) {
  std::string text = "AutoDetect=off\n";
  for (int gpu = 0; gpu < options.gpus_per_node; ++gpu)
    text += format("Name=gpu Flags=nvidia_gpu_env File={}/gpu{}\n", folder.string(), gpu);
  return text;
}

}  // namespace tagalign::lab
