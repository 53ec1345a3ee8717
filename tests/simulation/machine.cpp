#include "tests/simulation/machine.h"

#include <algorithm>
#include <csignal>
#include <utility>

#include "base/format.h"

namespace tagalign::simulation {

Machine::Machine(World& world, Hardware hardware, Rank::Send rank_send)
    : world_(world), hardware_(std::move(hardware)), rank_send_(std::move(rank_send)) {}

Machine::~Machine() {
  power_cut();
}

Result<agent::ProcessName> Machine::start(const ProcessOptions& options) {
  auto read = read_program(options, hardware_.disk);
  if (!read.ok()) world_.violation("launched without its files: " + read.status().to_string());
  if (!read.ok()) return read.status();
  Program& program = *read;
  check_launch(program.key);
  check_slots(program);
  check_gpus(program);
  if (world_.strikes(world_.weather.launch_error, "launch error")) {
    return not_found("start mpirun: there is no such program");
  }
  const int pid = std::exchange(next_pid_, next_pid_ + 1 + program.ranks);
  world_.gangs[program.key] = {hardware_.id, program.verb};
  auto gang = std::make_shared<Gang>(world_, std::move(program), pid, rank_send_,
                                     [this](int dead) { on_death(dead); });
  gangs_[pid] = gang;
  gang->begin();
  return agent::ProcessName{pid, static_cast<std::uint64_t>(pid)};
}

void Machine::check_launch(const AttemptKey& key) {
  if (!world_.launched.insert(key).second) {
    world_.violation(
        format("attempt {} of job {} was launched twice", key.second.value, key.first.value));
  }
  for (const auto& [other, gang] : world_.gangs) {
    const bool excused = world_.excused.contains(other) || world_.excused.contains(key);
    if (other.first == key.first) ++world_.misfortunes["attempts overlap"];
    // What a lost agent still runs elsewhere nobody can know; what runs here its agent ends first.
    if (other.first != key.first || (excused && gang.agent != hardware_.id)) {
      continue;
    }
    world_.violation(format("job {}: attempts {} on {} and {} on {} run together", key.first.value,
                            other.second.value, gang.agent.value, key.second.value,
                            hardware_.id.value));
  }
}

void Machine::check_slots(const Program& program) {
  int held = 0;
  for (const auto& [launcher, gang] : gangs_) {
    if (!gang->living().empty()) held += gang->program().slots;
  }
  if (held + program.slots <= hardware_.slots) return;
  world_.violation(
      format("job {} attempt {} takes {} slots of {}, which has {} and {} of them held",
             program.key.first.value, program.key.second.value, program.slots, hardware_.id.value,
             hardware_.slots, held));
}

void Machine::check_gpus(const Program& program) {
  const std::string who =
      format("job {} attempt {}", program.key.first.value, program.key.second.value);
  const std::size_t expected = hardware_.gpus.empty() ? 0 : static_cast<std::size_t>(program.slots);
  if (program.gpus.size() != expected) {
    world_.violation(format("{} was given {} GPUs of {} instead of {}", who, program.gpus.size(),
                            hardware_.id.value, expected));
  }
  if (expected != 0) ++world_.misfortunes["GPUs handed out"];
  for (const auto& [launcher, gang] : gangs_) {
    if (gang->living().empty()) continue;
    for (const std::string& gpu : gang->program().gpus) {
      if (std::ranges::find(program.gpus, gpu) != program.gpus.end())
        world_.violation(
            format("{} was given GPU {} of {}, which is held", who, gpu, hardware_.id.value));
    }
  }
}

std::optional<ExitStatus> Machine::reap(int pid) {
  const auto gang = gangs_.find(pid);
  if (gang == gangs_.end()) return std::nullopt;
  const std::optional<ExitStatus> exit = gang->second->launcher_exit();
  if (exit && gang->second->living().empty()) gangs_.erase(gang);
  return exit;
}

void Machine::signal_process(int pid, int signal) {
  if (signal != SIGKILL) world_.violation(format("signal {} to process {}", signal, pid));
  for (const auto& [launcher, gang] : gangs_) gang->kill_process(pid);
}

void Machine::signal_group(const agent::ProcessName& leader, int signal) {
  const auto gang = gangs_.find(leader.pid);
  if (gang == gangs_.end() || leader.start_ticks != static_cast<std::uint64_t>(leader.pid)) return;
  const std::shared_ptr<Gang> kept = gang->second;
  kept->signal_launcher(signal);
}

std::vector<int> Machine::marked(const std::string& mark) {
  std::vector<int> pids;
  for (const auto& [launcher, gang] : gangs_) {
    if (gang->program().mark.starts_with(mark))
      std::ranges::copy(gang->living(), std::back_inserter(pids));
  }
  return pids;
}

bool Machine::lives(int pid) const {
  return std::ranges::any_of(gangs_, [pid](const auto& entry) {
    const std::vector<int> living = entry.second->living();
    return std::ranges::find(living, pid) != living.end();
  });
}

void Machine::watch(int pid) {
  watched_.insert(pid);
  if (!lives(pid)) on_death(pid);
}

std::vector<int> Machine::wait(int) {
  return std::exchange(gone_, {});
}

void Machine::on_death(int pid) {
  if (watched_.erase(pid) != 0) gone_.push_back(pid);
  for (const auto& [launcher, gang] : gangs_) {
    if (gang->living().empty()) world_.gangs.erase(gang->program().key);
  }
}

void Machine::agent_died() {
  watched_.clear();
  gone_.clear();
  for (const auto& [launcher, gang] : gangs_) gang->signal_launcher(SIGKILL);
  std::erase_if(gangs_, [](const auto& entry) { return entry.second->living().empty(); });
}

void Machine::power_cut() {
  watched_.clear();
  gone_.clear();
  for (const auto& [launcher, gang] : gangs_) gang->power_cut();
  gangs_.clear();
}

Rank* Machine::find_rank(const std::string& peer) {
  for (const auto& [launcher, gang] : gangs_) {
    if (Rank* rank = gang->find_rank(peer); rank && rank->alive()) return rank;
  }
  return nullptr;
}

}  // namespace tagalign::simulation
