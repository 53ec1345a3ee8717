#include "tests/simulation/machines/machine.h"

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
  if (const auto daemon = read_daemon(options)) return start_daemon(*daemon, options);
  auto read = read_program(options, hardware_.disk);
  if (!read.ok()) world_.violation("launched without its files: " + read.status().to_string());
  if (!read.ok()) return read.status();
  const bool broken = world_.broken.contains(hardware_.id);
  if (broken) ++world_.misfortunes["launch on a broken node"];
  if (broken || world_.strikes(world_.weather.launch_error, "launch error")) {
    return not_found("start mpirun: there is no such program");
  }
  auto gang = std::make_shared<Gang>(world_, *read);
  world_.launchers[read->key] = gang;
  return start_part(gang, std::move(*read));
}

/// The command was given by the launcher, which may have ended meanwhile.
Result<agent::ProcessName> Machine::start_daemon(const DaemonCommand& daemon,
                                                 const ProcessOptions& options) {
  const auto found = world_.launchers.find(daemon.key);
  const std::shared_ptr<Gang> gang =
      found == world_.launchers.end() ? nullptr : found->second.lock();
  if (!gang || gang->is_over()) return ended_at_once();
  Program program = gang->program();
  program.part = daemon.part;
  program.gpus = gpus_of(options);
  program.mark = options.environment.at("TAGALIGN_GANG");
  return start_part(gang, std::move(program));
}

agent::ProcessName Machine::ended_at_once() {
  ++world_.misfortunes["daemon without a launcher"];
  const int pid = next_pid_++;
  stillborn_.insert(pid);
  return {pid, static_cast<std::uint64_t>(pid)};
}

Result<agent::ProcessName> Machine::start_part(const std::shared_ptr<Gang>& gang, Program program) {
  check_launch(program.key);
  check_slots(program);
  check_gpus(program);
  const bool is_head = program.part == 0;
  const int ranks = program.ranks_of_parts.at(program.part);
  const int pid = std::exchange(next_pid_, next_pid_ + 1 + ranks);
  LivingGang& living = world_.gangs[program.key];
  living.agents.insert(hardware_.id);
  living.verb = program.verb;
  auto part =
      std::make_shared<Part>(world_, gang, std::move(program), pid,
                             Place{hardware_.id, rank_send_, [this](int dead) { on_death(dead); }});
  parts_[pid] = part;
  if (is_head) {
    gang->begin(part);
  } else if (!gang->join(part)) {
    part->end_launcher({.code = 1}, true);
  }
  return agent::ProcessName{pid, static_cast<std::uint64_t>(pid)};
}

void Machine::check_launch(const AttemptKey& key) {
  if (!world_.launched.insert({key, hardware_.id}).second) {
    world_.violation(format("attempt {} of job {} was launched twice on {}", key.second.value,
                            key.first.value, hardware_.id.value));
  }
  for (const auto& [other, gang] : world_.gangs) {
    if (other.first != key.first || other == key) continue;
    ++world_.misfortunes["attempts overlap"];
    for (const AgentId& agent : gang.agents) {
      // What a lost agent still runs elsewhere nobody can know; what runs here its agent ends first.
      const bool excused = world_.excused.contains({other, agent}) || is_excused(key);
      if (excused && agent != hardware_.id) continue;
      world_.violation(format("job {}: attempts {} on {} and {} on {} run together",
                              key.first.value, other.second.value, agent.value, key.second.value,
                              hardware_.id.value));
    }
  }
}

/// A launch of an attempt that was itself given up meanwhile.
bool Machine::is_excused(const AttemptKey& key) const {
  return std::ranges::any_of(world_.excused, [&](const auto& one) { return one.first == key; });
}

void Machine::check_slots(const Program& program) {
  int held = 0;
  for (const auto& [launcher, part] : parts_) {
    if (!part->living().empty()) held += part->program().slots();
  }
  if (held + program.slots() <= hardware_.slots) return;
  world_.violation(
      format("job {} attempt {} takes {} slots of {}, which has {} and {} of them held",
             program.key.first.value, program.key.second.value, program.slots(), hardware_.id.value,
             hardware_.slots, held));
}

void Machine::check_gpus(const Program& program) {
  const std::string who =
      format("job {} attempt {}", program.key.first.value, program.key.second.value);
  const std::size_t expected =
      hardware_.gpus.empty() ? 0 : static_cast<std::size_t>(program.slots());
  if (program.gpus.size() != expected) {
    world_.violation(format("{} was given {} GPUs of {} instead of {}", who, program.gpus.size(),
                            hardware_.id.value, expected));
  }
  if (expected != 0) ++world_.misfortunes["GPUs handed out"];
  for (const auto& [launcher, part] : parts_) {
    if (part->living().empty()) continue;
    for (const std::string& gpu : part->program().gpus) {
      if (std::ranges::find(program.gpus, gpu) != program.gpus.end())
        world_.violation(
            format("{} was given GPU {} of {}, which is held", who, gpu, hardware_.id.value));
    }
  }
}

std::optional<ExitStatus> Machine::reap(int pid) {
  if (stillborn_.erase(pid) != 0) return ExitStatus{.code = 1};
  const auto part = parts_.find(pid);
  if (part == parts_.end()) return std::nullopt;
  const std::optional<ExitStatus> exit = part->second->launcher_exit();
  if (exit && part->second->living().empty()) parts_.erase(part);
  return exit;
}

void Machine::signal_process(int pid, int signal) {
  if (signal == SIGCONT) return;  // before stacks are asked for: nobody here is stopped by a signal
  if (signal != SIGKILL) world_.violation(format("signal {} to process {}", signal, pid));
  for (const auto& [launcher, part] : parts_) part->kill_process(pid);
}

void Machine::signal_group(const agent::ProcessName& leader, int signal) {
  const auto part = parts_.find(leader.pid);
  if (part == parts_.end() || leader.start_ticks != static_cast<std::uint64_t>(leader.pid)) return;
  const std::shared_ptr<Part> kept = part->second;
  kept->signal_launcher(signal);
}

std::vector<int> Machine::marked(const std::string& mark) {
  std::vector<int> pids;
  for (const auto& [launcher, part] : parts_) {
    if (part->program().mark.starts_with(mark))
      std::ranges::copy(part->living(), std::back_inserter(pids));
  }
  return pids;
}

bool Machine::lives(int pid) const {
  return std::ranges::any_of(parts_, [pid](const auto& entry) {
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
  for (const auto& [launcher, part] : parts_) {
    if (part->living().empty()) forget(part->program().key);
  }
}

void Machine::forget(const AttemptKey& key) {
  const auto gang = world_.gangs.find(key);
  if (gang == world_.gangs.end()) return;
  gang->second.agents.erase(hardware_.id);
  if (gang->second.agents.empty()) world_.gangs.erase(gang);
}

void Machine::agent_died() {
  watched_.clear();
  gone_.clear();
  const auto parts = parts_;  // one that ends may end others
  for (const auto& [launcher, part] : parts) part->signal_launcher(SIGKILL);
  std::erase_if(parts_, [](const auto& entry) { return entry.second->living().empty(); });
}

void Machine::power_cut() {
  watched_.clear();
  gone_.clear();
  const auto parts = parts_;
  for (const auto& [launcher, part] : parts) part->power_cut();
  parts_.clear();
}

Rank* Machine::find_rank(const std::string& peer) {
  for (const auto& [launcher, part] : parts_) {
    if (Rank* rank = part->find_rank(peer); rank && rank->alive()) return rank;
  }
  return nullptr;
}

}  // namespace tagalign::simulation
