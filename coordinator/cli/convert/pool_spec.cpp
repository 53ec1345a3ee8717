#include "coordinator/cli/convert/pool_spec.h"

#include <array>
#include <charconv>
#include <optional>
#include <utility>
#include <vector>

#include "base/counted.h"
#include "base/format.h"

namespace tagalign::cli {
namespace {

constexpr std::int64_t kSecond = 1'000;
constexpr std::int64_t kMinute = 60 * kSecond;
constexpr std::int64_t kHour = 60 * kMinute;
constexpr std::int64_t kDay = 24 * kHour;
constexpr std::array<std::pair<char, std::int64_t>, 4> kUnits{
    {{'d', kDay}, {'h', kHour}, {'m', kMinute}, {'s', kSecond}}};
constexpr std::int64_t kNumberMax = 1'000'000;

/// Takes the number at the front of `text`.
std::optional<std::int64_t> take_number(std::string_view& text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || value < 0 || value > kNumberMax) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return value;
}

/// "1h30m": units from large to small, each once.
std::optional<std::int64_t> with_units(std::string_view text) {
  std::int64_t span_ms = 0;
  std::size_t next = 0;
  while (!text.empty()) {
    const auto number = take_number(text);
    if (!number || text.empty()) return std::nullopt;
    while (next < kUnits.size() && kUnits[next].first != text.front()) ++next;
    if (next == kUnits.size()) return std::nullopt;
    span_ms += *number * kUnits[next++].second;
    text.remove_prefix(1);
  }
  return span_ms;
}

/// "1-02:03:04" or "02:03:04".
std::optional<std::int64_t> with_colons(std::string_view text) {
  std::int64_t span_ms = 0;
  if (const auto dash = text.find('-'); dash != std::string_view::npos) {
    const auto days = take_number(text);
    if (!days || text.empty() || text.front() != '-') return std::nullopt;
    span_ms = *days * kDay;
    text.remove_prefix(1);
  }
  for (const std::int64_t unit : {kHour, kMinute, kSecond}) {
    const auto number = take_number(text);
    if (!number) return std::nullopt;
    span_ms += *number * unit;
    if (unit == kSecond) break;
    if (text.empty() || text.front() != ':') return std::nullopt;
    text.remove_prefix(1);
  }
  return text.empty() ? std::optional(span_ms) : std::nullopt;
}

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

Result<std::int64_t> parse_span(std::string_view option, std::string_view text) {
  const bool colons = text.find(':') != std::string_view::npos;
  const auto span_ms = colons ? with_colons(text) : with_units(text);
  if (span_ms && *span_ms > 0) return *span_ms;
  return invalid_argument(format(
      "{}: expected a time such as 8h, 90m, 1h30m, 2d or 1-02:03:04, found '{}'", option, text));
}

std::string format_span(std::int64_t duration_ms) {
  std::string text;
  for (const auto& [letter, unit] : kUnits) {
    if (duration_ms >= unit) text += format("{}{}", duration_ms / unit, letter);
    duration_ms %= unit;
  }
  return text.empty() ? "0s" : text;
}

Result<wire::SshHost> parse_ssh_host(std::string_view text) {
  const auto colon = text.rfind(':');
  wire::SshHost host{std::string(text.substr(0, colon)), 0};
  if (colon == std::string_view::npos) return host;
  std::string_view rest = text.substr(colon + 1);
  const auto slots = take_number(rest);
  if (slots && *slots > 0 && rest.empty()) {
    host.slots = static_cast<int>(*slots);
    return host;
  }
  return invalid_argument(
      format("pool add ssh: expected HOST, USER@HOST or HOST:SLOTS, found '{}'", text));
}

std::string describe(const wire::PoolSpec& spec) {
  std::string text = std::visit([](const auto& source) { return describe(source); }, spec.source);
  return spec.launcher == wire::GangLauncher::kSrun ? text + "; gangs by srun" : text;
}

}  // namespace tagalign::cli
