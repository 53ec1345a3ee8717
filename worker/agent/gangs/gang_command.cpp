#include "worker/agent/gangs/gang_command.h"

#include <charconv>

#include "base/format.h"
#include "coordinator/wire/log_folder.h"
#include "coordinator/wire/shares.h"
#include "worker/exec/exec_rank.h"

namespace tagalign::agent {
namespace {

constexpr std::string_view kNodePrefix = "share";

std::vector<std::string> worker_command(const wire::Launch& launch,
                                        const GangEnvironment& environment) {
  std::vector<std::string> command = {environment.worker.string(), launch.kind};
  if (launch.kind == config::kExecKind) command = {environment.tagalign.string(), exec::kExecRank};
  command.insert(command.end(), {"--config", attempt_config(launch).string()});
  for (const std::string& override_text : launch.overrides) {
    command.insert(command.end(), {"--set", override_text});
  }
  return command;
}

std::vector<std::string> mpirun_command(const wire::Launch& launch,
                                        const GangEnvironment& environment) {
  // Without --bind-to none mpirun pins each of one or two ranks to a single core, all
  // of its threads included.
  std::vector<std::string> command = {environment.mpirun, "-n",   format("{}", launch.ranks),
                                      "--bind-to",        "none", "--oversubscribe"};
  if (environment.as_root) command.push_back("--allow-run-as-root");
  if (!spans_nodes(launch)) return command;
  std::string hosts;
  for (std::size_t i = 0; i < launch.shares.size(); ++i) {
    hosts += format("{}{}:{}", i == 0 ? "" : ",", node_name(i),
                    wire::ranks_of(launch.shares[i], launch.slots_per_rank));
  }
  command.insert(command.end(), {"--host", hosts});
  return command;
}

/// In the allocation of the agents, whose own step holds all cores: hence --overlap.
std::vector<std::string> srun_command(const wire::Launch& launch,
                                      const GangEnvironment& environment) {
  return {"srun",
          "--mpi=pmix",
          "--overlap",
          "--jobid=" + launch.places.front().allocation,
          format("--nodes={}", launch.shares.size()),
          format("--ntasks={}", launch.ranks),
          "--distribution=arbitrary",
          "--cpu-bind=none",
          "--kill-on-bad-exit=1",
          "--export=ALL",
          environment.tagalign.string(),
          kTakeSeat};
}

}  // namespace

Path attempt_folder(const wire::Launch& launch) {
  return wire::log_folder(launch.workspace, launch.job_name, launch.attempt);
}

std::string gang_mark(const std::string& agent_mark, const AttemptKey& key) {
  return format("{}-{}-{}.", agent_mark, key.first.value, key.second.value);
}

wire::NextJob next_job_of(const wire::Launch& launch) {
  return {.job = launch.job,
          .attempt = launch.attempt,
          .log_folder = attempt_folder(launch).string(),
          .config = attempt_config(launch).string(),
          .overrides = launch.overrides};
}

Part part_of(const wire::Launch& launch, const AgentId& agent) {
  for (std::size_t i = 0; i < launch.shares.size(); ++i) {
    const wire::Share& share = launch.shares[i];
    if (share.agent != agent) continue;
    return {.share = i,
            .first_rank = share.first_rank,
            .ranks = wire::ranks_of(share, launch.slots_per_rank),
            .slots = share.slots};
  }
  return {};
}

std::string node_name(std::size_t share) {
  return share == 0 ? "localhost" : format("{}{}", kNodePrefix, share);
}

std::optional<std::size_t> share_of_node(std::string_view name) {
  if (!name.starts_with(kNodePrefix)) return std::nullopt;
  name.remove_prefix(kNodePrefix.size());
  std::size_t share = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), share);
  const bool whole = error == std::errc() && end == name.data() + name.size() && share > 0;
  return whole ? std::optional(share) : std::nullopt;
}

std::string describe_gang(const wire::Launch& launch, const GangEnvironment& environment) {
  std::string text =
      format("{} rank{} on {} node{} by {}", launch.ranks, launch.ranks == 1 ? "" : "s",
             launch.shares.size(), launch.shares.size() == 1 ? "" : "s",
             by_srun(launch) ? "srun" : environment.mpirun);
  for (const wire::Share& share : launch.shares)
    text += "; " + wire::shown(share, launch.slots_per_rank);
  if (spans_nodes(launch)) {
    text +=
        "; interface " + (environment.interface.empty() ? "chosen by MPI" : environment.interface);
  }
  return text;
}

std::vector<std::string> gang_command(const wire::Launch& launch,
                                      const GangEnvironment& environment) {
  if (const auto exec = exec::exec_config_of(launch); exec.ok() && *exec && !(*exec)->mpi)
    return exec::words_of(**exec, launch.workspace);
  std::vector<std::string> command =
      by_srun(launch) ? srun_command(launch, environment) : mpirun_command(launch, environment);
  const std::vector<std::string> worker = worker_command(launch, environment);
  command.insert(command.end(), worker.begin(), worker.end());
  return command;
}

}  // namespace tagalign::agent
