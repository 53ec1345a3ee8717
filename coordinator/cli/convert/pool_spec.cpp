#include "coordinator/cli/convert/pool_spec.h"

#include <charconv>
#include <vector>

#include "base/counted.h"
#include "base/format.h"
#include "base/time_span.h"

namespace tagalign::cli {
namespace {

constexpr std::int64_t kSecond = 1'000;
constexpr int kSlotsMax = 1'000'000;

std::string describe(const wire::SlurmSource& slurm) {
  std::string text = "slurm";
  if (!slurm.partition.empty()) text += ", partition " + slurm.partition;
  if (!slurm.account.empty()) text += ", account " + slurm.account;
  text += ", " + counted(slurm.nodes, "node");
  if (slurm.gpus_per_node > 0) text += " of " + counted(slurm.gpus_per_node, "GPU");
  if (slurm.cpus_per_node > 0) {
    text += slurm.gpus_per_node > 0 ? " and " : " of ";
    text += counted(slurm.cpus_per_node, "core");
  }
  text += format(" for {}; {} waiting, {} at most; given back after {} without work",
                 format_span(slurm.time_limit_s * kSecond), slurm.backlog, slurm.max,
                 format_span(slurm.idle_ms));
  for (const std::string& argument : slurm.sbatch_args) text += "; " + argument;
  return text;
}

std::string describe(const wire::SshSource& ssh) {
  std::vector<std::string> hosts;
  for (const wire::SshHost& host : ssh.hosts) {
    hosts.push_back(host.slots > 0 ? format("{}:{}", host.host, host.slots) : host.host);
  }
  return format("ssh, {}; state folder there: {}", fmt::join(hosts, ", "), ssh.state);
}

}  // namespace

Result<wire::SshHost> parse_ssh_host(std::string_view text) {
  const auto colon = text.rfind(':');
  wire::SshHost host{std::string(text.substr(0, colon)), 0};
  if (colon == std::string_view::npos) return host;
  const std::string_view slots = text.substr(colon + 1);
  const auto [end, error] = std::from_chars(slots.data(), slots.data() + slots.size(), host.slots);
  const bool whole = error == std::errc() && end == slots.data() + slots.size();
  if (whole && host.slots > 0 && host.slots <= kSlotsMax) return host;
  return invalid_argument(
      format("pool add ssh: expected HOST, USER@HOST or HOST:SLOTS, found '{}'", text));
}

std::string describe(const wire::PoolSpec& spec) {
  std::string text = std::visit([](const auto& source) { return describe(source); }, spec.source);
  return spec.launcher == wire::GangLauncher::kSrun ? text + "; gangs by srun" : text;
}

}  // namespace tagalign::cli
