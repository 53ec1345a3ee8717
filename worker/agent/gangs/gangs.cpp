#include "worker/agent/gangs/gangs.h"

#include <algorithm>
#include <csignal>
#include <utility>

#include "base/format.h"
#include "base/log.h"

namespace tagalign::agent {
namespace {

constexpr std::int64_t kLeftoversMsMax = 10'000;
constexpr std::int64_t kScanMs = 20;  ///< between two looks for processes that are left

}  // namespace

Status Gangs::kill_marked(const std::string& mark) {
  const MonotonicMs begin_ms = parts_.clock.monotonic_ms();
  while (true) {
    const std::vector<int> pids = parts_.processes.marked(mark);
    if (pids.empty()) return ok_status();
    if (parts_.clock.monotonic_ms() - begin_ms > kLeftoversMsMax) {
      return timed_out(format(
          "ending what an earlier agent left: process {} did not end after SIGKILL", pids.front()));
    }
    for (const int pid : pids) parts_.processes.signal_process(pid, SIGKILL);
    parts_.clock.sleep_ms(kScanMs);
  }
}

Status Gangs::end_leftovers(const std::map<AttemptKey, ProcessName>& launchers) {
  for (const auto& [key, launcher] : launchers) parts_.processes.signal_group(launcher, SIGKILL);
  TA_RETURN_IF_ERROR(kill_marked(parts_.environment.agent_mark + "-"));
  if (!parts_.environment.scratch.empty()) clear_scratch(parts_.environment.scratch);
  return ok_status();
}

// ---------------------------------------------------------------- launch

Status Gangs::prepare_files(const wire::Launch& launch, const GangEnvironment& environment) {
  if (!parts_.files.exists(environment.worker)) {
    return not_found(format(
        "launching a gang: the worker program {} does not exist: build it, or give --worker FILE",
        environment.worker.string()));
  }
  TA_RETURN_IF_ERROR(parts_.files.create_directories(attempt_folder(launch)));
  if (!environment.scratch.empty()) {
    TA_RETURN_IF_ERROR(
        parts_.files.create_directories(gang_scratch(environment, {launch.job, launch.attempt})));
  }
  // Not synced: it need not outlive the gang's processes.
  TA_ASSIGN_OR_RETURN(const auto file, parts_.files.create_file(attempt_config(launch)));
  TA_RETURN_IF_ERROR(file->append(as_bytes(launch.config_yaml)));
  return file->close();
}

Result<ProcessName> Gangs::launch(const wire::Launch& launch) {
  GangEnvironment environment = parts_.environment;
  if (!parts_.gpus.empty()) environment.gpus = free_gpus(slots_of(launch));
  TA_RETURN_IF_ERROR(prepare_files(launch, environment));
  const auto launcher = parts_.processes.start(gang_process(launch, environment));
  if (!launcher.ok() && launcher.status().code() == ErrorCode::kNotFound) {
    return not_found(format("{} was not found on PATH: install openmpi-bin, or give --mpirun FILE",
                            environment.mpirun));
  }
  if (!launcher.ok()) return launcher.status();
  gangs_.emplace(AttemptKey{launch.job, launch.attempt},
                 RunningGang{.gang = Gang(launch, launcher->pid, parts_.clock.monotonic_ms()),
                             .launcher = *launcher,
                             .peers = {},
                             .save_reason = {},
                             .gpus = environment.gpus.value_or(std::vector<std::string>{})});
  parts_.processes.watch(launcher->pid);
  log_info("job {} ({}) attempt {}: {} ranks, launcher {}", launch.job.value, launch.job_name,
           launch.attempt.value, launch.ranks, launcher->pid);
  return *launcher;
}

int Gangs::held_slots() const {
  int held = 0;
  for (const auto& [key, running] : gangs_) held += slots_of(running.gang.launch());
  return held;
}

std::vector<std::string> Gangs::free_gpus(int count) const {
  std::vector<std::string> chosen;
  for (const std::string& gpu : parts_.gpus) {
    const bool busy = std::ranges::any_of(gangs_, [&](const auto& entry) {
      return std::ranges::find(entry.second.gpus, gpu) != entry.second.gpus.end();
    });
    if (!busy && static_cast<int>(chosen.size()) < count) chosen.push_back(gpu);
  }
  return chosen;
}

// ---------------------------------------------------------------- requests

Gangs::RunningGang* Gangs::find(JobId job, Attempt attempt) {
  const auto found = gangs_.find({job, attempt});
  return found == gangs_.end() ? nullptr : &found->second;
}

bool Gangs::end_older_attempt(const AttemptKey& key) {
  const auto older = std::ranges::find_if(gangs_, [&](const auto& entry) {
    return entry.first.first == key.first && entry.first < key;
  });
  if (older == gangs_.end()) return false;
  log_info("job {} attempt {} waits until attempt {} has ended", key.first.value, key.second.value,
           older->first.second.value);
  kill(older->first, format("attempt {} takes its place", key.second.value));
  return true;
}

void Gangs::kill(const AttemptKey& key, const std::string& reason) {
  if (RunningGang* running = find(key.first, key.second))
    running->gang.on_kill_request(reason, parts_.clock.monotonic_ms());
}

void Gangs::kill_all(const std::string& reason) {
  for (auto& [key, running] : gangs_)
    running.gang.on_kill_request(reason, parts_.clock.monotonic_ms());
}

std::vector<std::string> Gangs::save_and_leave(const AttemptKey& key, const std::string& reason) {
  RunningGang* running = find(key.first, key.second);
  if (running == nullptr || running->save_reason) return {};
  running->save_reason = reason;
  return {running->peers.begin(), running->peers.end()};
}

std::vector<std::string> Gangs::save_and_leave_all(const std::string& reason) {
  std::vector<std::string> peers;
  for (const auto& [key, running] : gangs_)
    std::ranges::move(save_and_leave(key, reason), std::back_inserter(peers));
  return peers;
}

// ---------------------------------------------------------------- what ranks say

std::optional<std::string> Gangs::on_hello(const std::string& peer, const wire::RankHello& hello) {
  RunningGang* running = find(hello.job, hello.attempt);
  if (running == nullptr) return std::nullopt;
  running->gang.on_hello(hello, parts_.clock.monotonic_ms());
  running->peers.insert(peer);
  parts_.processes.watch(hello.pid);
  return running->save_reason;
}

void Gangs::on_beat(const wire::RankBeat& beat) {
  if (RunningGang* running = find(beat.job, beat.attempt))
    running->gang.on_beat(beat, parts_.clock.monotonic_ms());
}

void Gangs::on_farewell(const wire::RankFarewell& farewell) {
  if (RunningGang* running = find(farewell.job, farewell.attempt))
    running->gang.on_farewell(farewell, parts_.clock.monotonic_ms());
}

void Gangs::on_process_gone(int pid, MonotonicMs now_ms) {
  for (auto& [key, running] : gangs_) running.gang.on_process_gone(pid, now_ms);
}

// ---------------------------------------------------------------- supervision

GangChanges Gangs::supervise() {
  GangChanges changes;
  for (auto it = gangs_.begin(); it != gangs_.end();) {
    RunningGang& running = it->second;
    if (auto notice = supervise_one(running)) changes.events.push_back(std::move(*notice));
    if (!is_over(running)) {
      ++it;
      continue;
    }
    wire::AttemptEnded ended = running.gang.conclude(parts_.clock.unix_ms());
    log_info("job {} attempt {} ended: {}", ended.job.value, ended.attempt.value,
             ended.message.empty() ? "well" : ended.message);
    changes.gone_peers.insert(changes.gone_peers.end(), running.peers.begin(), running.peers.end());
    if (!parts_.environment.scratch.empty())
      clear_scratch(gang_scratch(parts_.environment, it->first));
    it = gangs_.erase(it);
    if (gangs_.empty() && !parts_.environment.scratch.empty())
      clear_scratch(parts_.environment.scratch);
    changes.events.push_back(std::move(ended));
  }
  return changes;
}

std::string Gangs::mark_of(const Gang& gang) const {
  return gang_mark(parts_.environment.agent_mark, {gang.launch().job, gang.launch().attempt});
}

/// Returns the notice of why the gang is being ended, when that became clear just now.
std::optional<wire::AgentEvent> Gangs::supervise_one(RunningGang& running) {
  Gang& gang = running.gang;
  const MonotonicMs now_ms = parts_.clock.monotonic_ms();
  if (!gang.launcher_ended()) {
    if (const auto exit = parts_.processes.reap(gang.launcher_pid()))
      gang.on_launcher_exit(*exit, now_ms);
  }
  const GangActions actions = gang.decide(now_ms);
  if (actions.kill_ranks) {
    for (const int pid : gang.rank_pids()) parts_.processes.signal_process(pid, SIGKILL);
  }
  if (actions.terminate_launcher) parts_.processes.signal_group(running.launcher, SIGTERM);
  if (actions.kill_all) {
    parts_.processes.signal_group(running.launcher, SIGKILL);
    for (const int pid : parts_.processes.marked(mark_of(gang)))
      parts_.processes.signal_process(pid, SIGKILL);
  }
  // mpirun takes a second to clear up: the coordinator need not wait for that to know.
  if (actions.kill_ranks) return gang.notice_of_cause();
  return std::nullopt;
}

/// One look for a gang that ended well; another every kScanMs while any of its processes is left.
bool Gangs::is_over(RunningGang& running) {
  const MonotonicMs now_ms = parts_.clock.monotonic_ms();
  if (!running.gang.may_conclude(now_ms) || now_ms < running.scan_after_ms) return false;
  const std::vector<int> left = parts_.processes.marked_descendants(mark_of(running.gang));
  for (const int pid : left) parts_.processes.signal_process(pid, SIGKILL);
  running.scan_after_ms = now_ms + kScanMs;
  return left.empty();
}

void Gangs::clear_scratch(const Path& folder) {
  const Status removed = parts_.files.remove_all(folder);
  if (!removed.ok()) log_warning("MPI's files of an ended gang: {}", removed.to_string());
}

std::vector<wire::RankHello> Gangs::hellos() const {
  std::vector<wire::RankHello> hellos;
  for (const auto& [key, running] : gangs_)
    std::ranges::move(running.gang.hellos(), std::back_inserter(hellos));
  return hellos;
}

std::vector<wire::RankBeat> Gangs::beats() const {
  std::vector<wire::RankBeat> beats;
  for (const auto& [key, running] : gangs_)
    std::ranges::move(running.gang.beats(), std::back_inserter(beats));
  return beats;
}

}  // namespace tagalign::agent
