#include "tests/simulation/gangs/part.h"

#include <algorithm>
#include <csignal>
#include <numeric>
#include <sstream>

#include "base/format.h"
#include "tests/simulation/gangs/gang.h"

namespace tagalign::simulation {
namespace {

constexpr std::uint64_t kConfigBytesMax = 1'000;
constexpr std::string_view kSlotsKey = "slots_per_rank: ";
constexpr std::string_view kDaemon = "exec daemon";
constexpr int kTerminated = 128 + SIGTERM;

AttemptKey key_of(const ProcessOptions& options) {
  const auto number = [&](const char* name) { return std::stoull(options.environment.at(name)); };
  return {JobId{number("TAGALIGN_JOB")},
          Attempt{static_cast<std::uint32_t>(number("TAGALIGN_ATTEMPT"))}};
}

/// "localhost:2,share1:2"
std::vector<int> ranks_of_hosts(const std::string& hosts) {
  std::vector<int> ranks;
  std::istringstream list(hosts);
  for (std::string host; std::getline(list, host, ',');)
    ranks.push_back(std::stoi(host.substr(host.find(':') + 1)));
  return ranks;
}

}  // namespace

std::string configuration(int slots_per_rank) {
  return format("{}{}\n", kSlotsKey, slots_per_rank);
}

std::vector<std::string> gpus_of(const ProcessOptions& options) {
  std::vector<std::string> gpus;
  const auto devices = options.environment.find("CUDA_VISIBLE_DEVICES");
  if (devices == options.environment.end()) return gpus;
  std::istringstream list(devices->second);
  for (std::string name; std::getline(list, name, ',');) gpus.push_back(name);
  return gpus;
}

std::optional<DaemonCommand> read_daemon(const ProcessOptions& options) {
  const std::string& last = options.command.back();
  if (!last.starts_with(kDaemon)) return std::nullopt;
  return DaemonCommand{key_of(options), std::stoul(last.substr(kDaemon.size()))};
}

Result<Program> read_program(const ProcessOptions& options, FileSystem& disk) {
  Program program;
  program.key = key_of(options);
  program.gpus = gpus_of(options);
  program.mark = options.environment.at("TAGALIGN_GANG");
  const std::vector<std::string>& words = options.command;
  for (std::size_t i = 0; i + 1 < words.size(); ++i) {
    if (words[i] == "-n") program.ranks_of_parts = {std::stoi(words[i + 1])};
    if (words[i] == "--host") program.ranks_of_parts = ranks_of_hosts(words[i + 1]);
    if (words[i] == "--set") program.overrides.push_back(words[i + 1]);
    if (words[i + 1] == "--config") program.verb = words[i];
    if (words[i] == "--config") {
      TA_ASSIGN_OR_RETURN(const std::string text, disk.read_file(words[i + 1], kConfigBytesMax));
      program.slots_per_rank = std::stoi(text.substr(kSlotsKey.size()));
    }
  }
  return program;
}

Part::Part(World& world, std::shared_ptr<Gang> gang, Program program, int first_pid, Place place)
    : world_(world),
      gang_(std::move(gang)),
      program_(std::move(program)),
      launcher_pid_(first_pid),
      place_(std::move(place)) {
  const std::vector<int>& parts = program_.ranks_of_parts;
  const auto before = parts.begin() + static_cast<std::ptrdiff_t>(program_.part);
  const int first = std::accumulate(parts.begin(), before, 0);
  for (int i = 0; i < *before; ++i) {
    ranks_.push_back(
        std::make_shared<Rank>(world, program_.key, first + i, first_pid + 1 + i, place_.send));
  }
}

void Part::ask_for_daemon(std::size_t part, const std::function<void()>& failed) {
  const int pid = launcher_pid_ * 1'000 + static_cast<int>(part);  // names its peer only
  auto helper = std::make_shared<Rank>(world_, program_.key, -1, pid, place_.send);
  helpers_.push_back(helper);
  helper->ask(wire::DaemonWanted{program_.key.first, program_.key.second,
                                 AgentId{format("share{}", part)}, format("daemon {}", part)},
              [helper, failed](bool held) {
                helper->die();
                if (!held) failed();
              });
}

void Part::on_rank_end(Rank& rank, ExitStatus status) {
  if (!rank.alive()) return;
  rank.die();
  place_.died(rank.pid());
  gang_->rank_ended(*this, status);
}

void Part::end_launcher(ExitStatus status, bool kill_ranks) {
  if (exit_) return;
  exit_ = status;
  for (const auto& helper : helpers_) helper->die();
  for (const auto& rank : ranks_) {
    if (kill_ranks) on_rank_end(*rank, {.signal = SIGKILL});
  }
  place_.died(launcher_pid_);
  gang_->launcher_ended(*this);
}

void Part::signal_launcher(int signal) {
  if (exit_) return;
  if (signal == SIGKILL) {
    const bool orphans = world_.strikes(world_.weather.orphan, "orphaned ranks");
    return end_launcher({.signal = SIGKILL}, !orphans);
  }
  if (hung) return;
  world_.after(world_.between(5, 1'000),
               [self = shared_from_this()] { self->end_launcher({.code = kTerminated}, true); });
}

void Part::kill_process(int pid) {
  if (pid == launcher_pid_) return signal_launcher(SIGKILL);
  for (const auto& rank : ranks_) {
    if (rank->pid() == pid) on_rank_end(*rank, {.signal = SIGKILL});
  }
}

void Part::power_cut() {
  silent = true;
  end_launcher({.signal = SIGKILL}, true);
  for (const auto& rank : ranks_) on_rank_end(*rank, {.signal = SIGKILL});
}

std::vector<int> Part::living() const {
  std::vector<int> pids;
  if (!exit_) pids.push_back(launcher_pid_);
  for (const auto& rank : ranks_) {
    if (rank->alive()) pids.push_back(rank->pid());
  }
  return pids;
}

Rank* Part::find_rank(const std::string& peer) {
  for (const auto* group : {&ranks_, &helpers_}) {
    for (const auto& rank : *group) {
      if (rank->peer() == peer) return rank.get();
    }
  }
  return nullptr;
}

}  // namespace tagalign::simulation
