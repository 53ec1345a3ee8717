#include <map>
#include <string_view>
#include <utility>

#include "base/format.h"
#include "base/job_environment.h"
#include "worker/agent/gangs/gang_command.h"

namespace tagalign::agent {
namespace {

/// One entry a device, in their order.
std::string cores_of(const GangEnvironment& environment) {
  std::string text;
  for (const std::string& gpu : *environment.gpus) {
    const auto cores = environment.cores_of_gpu.find(gpu);
    text += (cores == environment.cores_of_gpu.end() ? "" : cores->second) + ";";
  }
  return text;
}

using Variables = std::map<std::string, std::string>;

/// What every process of the attempt on this node carries.
Variables node_variables(const wire::Launch& launch, const GangEnvironment& environment) {
  Variables variables = {
      {"TAGALIGN_AGENT_SOCKET", environment.socket.string()},
      {"TAGALIGN_AGENT_PID", format("{}", environment.agent_pid)},
      {"TAGALIGN_COORDINATOR", environment.coordinator},
      {"TAGALIGN_JOB", format("{}", launch.job.value)},
      {"TAGALIGN_JOB_NAME", launch.job_name},
      {"TAGALIGN_ATTEMPT", format("{}", launch.attempt.value)},
      {"TAGALIGN_RANKS", format("{}", launch.ranks)},
      {"TAGALIGN_LOG_FOLDER", attempt_folder(launch).string()},
      {"TAGALIGN_GANG", gang_mark(environment.agent_mark, {launch.job, launch.attempt})},
      // Ranks ask for a signal when the thread that started them ends: mpirun must not use
      // helper threads for it.
      {"OMPI_MCA_odls_base_num_threads", "0"},
  };
  // A member's ranks come up with what its own agent says, not with what the head's does.
  if (environment.interface.find('/') == std::string::npos && !environment.interface.empty())
    variables["NCCL_SOCKET_IFNAME"] = environment.interface;
  // Of a launcher that takes 75 for a failure, and ends the ranks that still save.
  if (spans_nodes(launch)) variables["TAGALIGN_LEAVE_CODE"] = "0";
  if (environment.ranks_stay) variables["TAGALIGN_STAYS"] = "1";
  if (environment.as_root) {
    variables["OMPI_ALLOW_RUN_AS_ROOT"] = "1";
    variables["OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"] = "1";
  }
  if (environment.gpus) {
    variables["CUDA_VISIBLE_DEVICES"] = format("{}", fmt::join(*environment.gpus, ","));
    variables["TAGALIGN_GPU_CORES"] = cores_of(environment);
  }
  return variables;
}

void add_scratch(const wire::Launch& launch, const GangEnvironment& environment,
                 Variables& variables) {
  if (environment.scratch.empty()) return;
  const AttemptKey key{launch.job, launch.attempt};
  const std::string scratch = gang_scratch(environment, key).string();
  if (!spans_nodes(launch)) {
    variables["OMPI_MCA_orte_tmpdir_base"] = scratch;
    variables["OMPI_MCA_btl_vader_backing_directory"] = scratch;
    return;
  }
  // mpirun hands its own OMPI_MCA_* on to the other nodes; TMPDIR stays here.
  variables["TMPDIR"] = scratch;
  variables["OMPI_MCA_btl_vader_backing_directory"] = common_scratch(environment, key).string();
}

/// A gang of several nodes: mpirun's daemons come up through the agents, and a node that nothing is
/// heard of for some seconds is given up by both sides.
void add_remote_nodes(const GangEnvironment& environment, Variables& variables) {
  variables["OMPI_MCA_plm"] = "rsh";
  variables["OMPI_MCA_plm_rsh_agent"] =
      format("{} {}", environment.tagalign.string(), kStartDaemon);
  variables["OMPI_MCA_plm_rsh_no_tree_spawn"] = "1";
  variables["OMPI_MCA_plm_rsh_assume_same_shell"] = "1";
  variables["OMPI_MCA_orte_leave_session_attached"] = "1";
  variables["OMPI_MCA_if_base_do_not_resolve"] = "1";
  variables["OMPI_MCA_oob_tcp_keepalive_time"] = "2";
  variables["OMPI_MCA_oob_tcp_keepalive_intvl"] = "1";
  variables["OMPI_MCA_oob_tcp_keepalive_probes"] = "3";
  variables["OMPI_MCA_odls_base_sigkill_timeout"] = "0";
}

void add_interface(const std::string& interface, Variables& variables) {
  if (interface.empty()) return;
  variables["OMPI_MCA_oob_tcp_if_include"] = interface;
  variables["OMPI_MCA_btl_tcp_if_include"] = interface;
}

/// The agent may itself have been started by srun, or from within a rank of another MPI job.
bool is_of_another_job(std::string_view name) {
  return is_of_mpi_job(name) || is_of_slurm_step(name);
}

ProcessOptions process(const wire::Launch& launch, Variables variables, const Path& log) {
  ProcessOptions options;
  options.environment = std::move(variables);
  options.drops = is_of_another_job;
  options.working_directory = launch.workspace;
  options.stdout_file = log;
  options.stderr_file = log;
  options.own_process_group = true;
  options.die_with_parent = true;
  return options;
}

}  // namespace

std::map<std::string, std::string> seat_variables(const wire::Launch& launch,
                                                  const GangEnvironment& environment) {
  return node_variables(launch, environment);
}

ProcessOptions gang_process(const wire::Launch& launch, const GangEnvironment& environment) {
  Variables variables = node_variables(launch, environment);
  add_scratch(launch, environment, variables);
  add_interface(environment.interface, variables);
  if (by_srun(launch)) {
    variables["SLURM_HOSTFILE"] = rank_hosts(launch).string();
    variables["TAGALIGN_SEATS"] =
        common_scratch(environment, {launch.job, launch.attempt}).string();
  } else {
    // mpirun would start ranks on nodes of its own choice in a Slurm allocation.
    variables["OMPI_MCA_ras"] = "^slurm";
    variables["OMPI_MCA_plm"] = "^slurm";
    if (spans_nodes(launch)) add_remote_nodes(environment, variables);
  }
  ProcessOptions options = process(launch, std::move(variables), launcher_log(launch));
  options.command = gang_command(launch, environment);
  return options;
}

ProcessOptions plain_process(const wire::Launch& launch, const GangEnvironment& environment,
                             const config::ExecConfig& config) {
  Variables variables = node_variables(launch, environment);
  variables["TAGALIGN_PROGRAM"] = environment.tagalign.string();
  const std::vector<int>& slots = launch.shares.front().slots;
  variables["TAGALIGN_SLOTS"] = format("{}", fmt::join(slots, ","));
  for (const auto& [name, value] : exec::variables_of(config, attempt_folder(launch), 0))
    variables[name] = value;
  ProcessOptions options = process(launch, std::move(variables), rank_log(launch, 0));
  options.command = exec::words_of(config, launch.workspace);
  return options;
}

ProcessOptions daemon_process(const wire::Launch& launch, const GangEnvironment& environment,
                              const AgentId& agent, const std::string& command) {
  Variables variables = node_variables(launch, environment);
  add_scratch(launch, environment, variables);
  ProcessOptions options = process(launch, std::move(variables), daemon_log(launch, agent));
  options.command = {"/bin/sh", "-c", "exec " + command};
  return options;
}

}  // namespace tagalign::agent
