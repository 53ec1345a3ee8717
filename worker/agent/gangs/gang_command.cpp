#include "worker/agent/gangs/gang_command.h"

#include "base/format.h"
#include "coordinator/wire/log_folder.h"

namespace tagalign::agent {
namespace {

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ",") + name;
  return text;
}

}  // namespace

Path attempt_folder(const wire::Launch& launch) {
  return wire::log_folder(launch.workspace, launch.job_name, launch.attempt);
}

std::string gang_mark(const std::string& agent_mark, const AttemptKey& key) {
  return format("{}-{}-{}.", agent_mark, key.first.value, key.second.value);
}

std::vector<std::string> gang_command(const wire::Launch& launch,
                                      const GangEnvironment& environment) {
  // Without --bind-to none mpirun pins each of one or two ranks to a single core, all
  // of its threads included.
  std::vector<std::string> command = {environment.mpirun, "-n",   format("{}", launch.ranks),
                                      "--bind-to",        "none", "--oversubscribe"};
  if (environment.as_root) command.push_back("--allow-run-as-root");
  command.insert(command.end(), {environment.worker.string(), launch.kind, "--config",
                                 attempt_config(launch).string()});
  for (const std::string& override_text : launch.overrides) {
    command.insert(command.end(), {"--set", override_text});
  }
  return command;
}

ProcessOptions gang_process(const wire::Launch& launch, const GangEnvironment& environment) {
  ProcessOptions options;
  options.command = gang_command(launch, environment);
  options.environment = {
      {"TAGALIGN_AGENT_SOCKET", environment.socket.string()},
      {"TAGALIGN_COORDINATOR", environment.coordinator},
      {"TAGALIGN_JOB", format("{}", launch.job.value)},
      {"TAGALIGN_ATTEMPT", format("{}", launch.attempt.value)},
      {"TAGALIGN_LOG_FOLDER", attempt_folder(launch).string()},
      {"TAGALIGN_GANG", gang_mark(environment.agent_mark, {launch.job, launch.attempt})},
      // Ranks ask for a signal when the thread that started them ends: mpirun must not use
      // helper threads for it.
      {"OMPI_MCA_odls_base_num_threads", "0"},
      // A gang runs within its node: in a Slurm allocation mpirun would start ranks on the others.
      {"OMPI_MCA_ras", "^slurm"},
      {"OMPI_MCA_plm", "^slurm"},
  };
  if (environment.as_root) {
    options.environment["OMPI_ALLOW_RUN_AS_ROOT"] = "1";
    options.environment["OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"] = "1";
  }
  if (!environment.scratch.empty()) {
    const std::string scratch = gang_scratch(environment, {launch.job, launch.attempt}).string();
    options.environment["OMPI_MCA_orte_tmpdir_base"] = scratch;
    options.environment["OMPI_MCA_btl_vader_backing_directory"] = scratch;
  }
  if (environment.gpus) options.environment["CUDA_VISIBLE_DEVICES"] = joined(*environment.gpus);
  options.working_directory = launch.workspace;
  options.stdout_file = launcher_log(launch);
  options.stderr_file = launcher_log(launch);
  options.own_process_group = true;
  options.die_with_parent = true;
  return options;
}

}  // namespace tagalign::agent
