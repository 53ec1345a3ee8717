// How a gang starts on this node: its files, its launcher or what the head's launcher will find here.
#include <algorithm>
#include <utility>

#include "base/format.h"
#include "base/log.h"
#include "coordinator/wire/shares.h"
#include "worker/agent/gangs/gangs.h"

namespace tagalign::agent {

/// Not synced: what it writes need not outlive the gang's processes.
Status Gangs::write(const Path& path, std::string_view text) {
  TA_ASSIGN_OR_RETURN(const auto file, parts_.files.create_file(path));
  TA_RETURN_IF_ERROR(file->append(as_bytes(text)));
  return file->close();
}

Status Gangs::prepare_files(const wire::Launch& launch, const GangEnvironment& environment) {
  if (launch.kind != config::kExecKind && !parts_.files.exists(environment.worker)) {
    return not_found(format(
        "launching a gang: the worker program {} does not exist: build it, or give --worker FILE",
        environment.worker.string()));
  }
  const AttemptKey key{launch.job, launch.attempt};
  TA_RETURN_IF_ERROR(prepare_log(launch));
  if (!environment.scratch.empty())
    TA_RETURN_IF_ERROR(parts_.files.create_directories(gang_scratch(environment, key)));
  if (spans_nodes(launch))
    TA_RETURN_IF_ERROR(parts_.files.create_directories(common_scratch(environment, key)));
  if (by_srun(launch)) TA_RETURN_IF_ERROR(write_seat(launch, environment));
  if (by_srun(launch) && part_of(launch, parts_.agent).is_head()) return write_rank_hosts(launch);
  return ok_status();
}

/// The folder of the attempt, and what its ranks read there.
Status Gangs::prepare_log(const wire::Launch& launch) {
  TA_RETURN_IF_ERROR(parts_.files.create_directories(attempt_folder(launch)));
  if (!part_of(launch, parts_.agent).is_head()) return ok_status();
  return write(attempt_config(launch), launch.config_yaml);
}

Status Gangs::write_rank_hosts(const wire::Launch& launch) {
  std::string text;
  for (std::size_t i = 0; i < launch.shares.size(); ++i) {
    const Part part = part_of(launch, launch.shares[i].agent);
    for (int rank = 0; rank < part.ranks; ++rank) text += launch.places[i].node + "\n";
  }
  return write(rank_hosts(launch), text);
}

/// Whole or absent: a rank may look at any moment.
Status Gangs::write_seat(const wire::Launch& launch, const GangEnvironment& environment) {
  std::string text;
  for (const auto& [name, value] : seat_variables(launch, environment))
    text += format("{}={}\n", name, value);
  const Path common = common_scratch(environment, {launch.job, launch.attempt});
  const std::string& node = launch.places[part_of(launch, parts_.agent).share].node;
  return parts_.files.write_durable(seat_file(common, node), text);
}

Result<Launched> Gangs::launch(const wire::Launch& launch) {
  const auto key = start_key_of(launch);
  if (IdleGang* idle = idle_for(key)) return hand_over(launch, *idle);
  GangEnvironment environment = parts_.environment;
  environment.ranks_stay = key.has_value();
  Part part = part_of(launch, parts_.agent);
  TA_ASSIGN_OR_RETURN(auto exec, exec_job(launch));
  part.is_plain = exec && !exec->config.mpi;
  if (part.is_plain) part.ranks = 0;
  if (!parts_.gpus.empty()) environment.gpus = gpus_of(part);
  TA_RETURN_IF_ERROR(part.is_plain ? prepare_log(launch) : prepare_files(launch, environment));
  ProcessName launcher;
  if (part.is_plain) {
    TA_ASSIGN_OR_RETURN(launcher, start_plain(launch, environment, exec->config));
  } else if (part.is_head()) {
    TA_ASSIGN_OR_RETURN(launcher, start_launcher(launch, environment));
  }
  const auto [gang, added] =
      gangs_.emplace(AttemptKey{launch.job, launch.attempt},
                     RunningGang{.gang = Gang(launch, part, parts_.clock.monotonic_ms()),
                                 .launcher = launcher,
                                 .peers = {},
                                 .save_reason = {},
                                 .environment = environment,
                                 .exec = std::move(exec),
                                 .start_key = key,
                                 .born = {launch.job, launch.attempt}});
  if (part.is_head()) gang->second.gang.on_launcher_started(launcher.pid);
  log_info("job {} ({}) attempt {}, {} {}: {}", launch.job.value, launch.job_name,
           launch.attempt.value, part.is_plain ? "process" : "launcher", launcher.pid,
           part.is_plain ? wire::shown(launch.shares.front(), launch.slots_per_rank)
                         : describe_gang(launch, environment));
  return Launched{launcher, {}};
}

Result<ProcessName> Gangs::start_launcher(const wire::Launch& launch,
                                          const GangEnvironment& environment) {
  const auto launcher = parts_.processes.start(gang_process(launch, environment));
  if (!launcher.ok() && launcher.status().code() == ErrorCode::kNotFound) {
    return not_found(format("{} was not found on PATH: install openmpi-bin, or give --mpirun FILE",
                            environment.mpirun));
  }
  if (launcher.ok()) parts_.processes.watch(launcher->pid);
  return launcher;
}

Result<std::optional<ProcessName>> Gangs::start_daemon(const wire::StartDaemon& wanted) {
  RunningGang* running = find(wanted.job, wanted.attempt);
  const std::optional<ProcessName> nothing;
  if (running == nullptr || running->launcher.pid != 0 || running->gang.part().is_head())
    return nothing;
  if (running->gang.is_ending()) return nothing;
  TA_ASSIGN_OR_RETURN(running->launcher, parts_.processes.start(daemon_process(
                                             running->gang.launch(), running->environment,
                                             parts_.agent, wanted.command)));
  running->gang.on_launcher_started(running->launcher.pid);
  parts_.processes.watch(running->launcher.pid);
  return std::optional(running->launcher);
}

/// Slots share GPUs when there are more of them.
std::vector<std::string> Gangs::gpus_of(const Part& part) const {
  std::vector<std::string> chosen;
  for (const int slot : part.slots) {
    const std::size_t gpu = static_cast<std::size_t>(slot) * parts_.gpus.size() /
                            static_cast<std::size_t>(std::max(parts_.slots, slot + 1));
    if (chosen.empty() || chosen.back() != parts_.gpus[gpu]) chosen.push_back(parts_.gpus[gpu]);
  }
  return chosen;
}

}  // namespace tagalign::agent
