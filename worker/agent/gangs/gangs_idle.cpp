// Ranks that stay after an evaluation: MPI, LibTorch and the weights are there for the next one of the
// same, which costs neither a start nor an end of processes.
//
// Their attempt is over like any other; none is theirs until they are handed one. That is a launch like
// any other too: accepted in the journal first, with its own folder and end. What no rank
// has answered when its processes end has not begun, and is started afresh as the same attempt.
#include <algorithm>
#include <csignal>
#include <utility>

#include "base/format.h"
#include "base/log.h"
#include "worker/agent/gangs/gangs.h"

namespace tagalign::agent {
namespace {

constexpr std::int64_t kScanMs = 20;  ///< between two looks for processes that are left

bool share_any(const std::vector<std::string>& some, const std::vector<std::string>& others) {
  return std::ranges::any_of(
      some, [&](const auto& one) { return std::ranges::find(others, one) != others.end(); });
}

}  // namespace

Gangs::IdleGang* Gangs::idle_for(const std::optional<StartKey>& key) {
  if (!key) return nullptr;
  const auto found = std::ranges::find_if(
      idle_, [&](const IdleGang& idle) { return !idle.is_ending && idle.last.start_key == key; });
  return found == idle_.end() ? nullptr : &*found;
}

/// Memory of a GPU is held beside the slot: who shares one stands in the way too.
std::set<int> Gangs::slots_held_against(const wire::Launch& launch) {
  if (idle_.empty()) return held_slots();
  std::set<int> held = held_slots();
  if (const IdleGang* taker = idle_for(start_key_of(launch))) {
    for (const int slot : taker->last.gang.part().slots) held.erase(slot);
    return held;
  }
  const Part part = part_of(launch, parts_.agent);
  const auto gpus = parts_.gpus.empty() ? std::vector<std::string>() : gpus_of(part);
  for (IdleGang& idle : idle_) {
    const bool same_slot = std::ranges::any_of(idle.last.gang.part().slots, [&](int slot) {
      return std::ranges::find(part.slots, slot) != part.slots.end();
    });
    const auto& held_gpus = idle.last.environment.gpus;
    if (same_slot || (held_gpus && share_any(*held_gpus, gpus)))
      end_idle(idle, "another job gets its slots");
  }
  return held;
}

/// The launcher writes to the log of the attempt that it was started for.
Result<Launched> Gangs::hand_over(const wire::Launch& launch, IdleGang& idle) {
  TA_RETURN_IF_ERROR(prepare_log(launch));
  const RunningGang& last = idle.last;
  const AttemptKey before{last.gang.launch().job, last.gang.launch().attempt};
  const std::string said = format(
      "runs in the ranks of job {} attempt {}, which had the same weights; their launcher {} "
      "was started for job {} attempt {}\n",
      before.first.value, before.second.value, last.launcher.pid, last.born.first.value,
      last.born.second.value);
  TA_RETURN_IF_ERROR(write(launcher_log(launch), said));
  const MonotonicMs now_ms = parts_.clock.monotonic_ms();
  const std::vector<std::string> peers(last.peers.begin(), last.peers.end());
  const auto [gang, added] =
      gangs_.emplace(AttemptKey{launch.job, launch.attempt},
                     RunningGang{.gang = Gang(launch, part_of(launch, parts_.agent), now_ms),
                                 .launcher = last.launcher,
                                 .peers = {},
                                 .save_reason = {},
                                 .environment = last.environment,
                                 .exec = {},
                                 .start_key = last.start_key,
                                 .born = last.born,
                                 .hello_until_ms = now_ms + kNextHelloMsMax});
  gang->second.gang.on_launcher_started(last.launcher.pid);
  log_info("job {} ({}) attempt {} {}", launch.job.value, launch.job_name, launch.attempt.value,
           said.substr(0, said.size() - 1));
  idle_.remove_if([&](const IdleGang& other) { return &other == &idle; });
  return Launched{gang->second.launcher, peers};
}

/// Who was asked to leave and had just done its work does not stay: somebody wants its place.
void Gangs::become_idle(RunningGang running) {
  const std::int64_t stay_ms = running.save_reason ? 0 : kRanksStayMs;
  const MonotonicMs until_ms = parts_.clock.monotonic_ms() + stay_ms;
  idle_.push_back({.last = std::move(running), .until_ms = until_ms});
}

/// With SIGKILL: they have nothing to save, and whoever gets their slots waits for it.
void Gangs::end_idle(IdleGang& idle, std::string_view why) {
  if (std::exchange(idle.is_ending, true)) return;
  log_info("the ranks of job {} stay no longer: {}", idle.last.gang.launch().job.value, why);
  for (const int pid : idle.last.gang.rank_pids()) parts_.processes.signal_process(pid, SIGKILL);
  parts_.processes.signal_group(idle.last.launcher, SIGKILL);
}

void Gangs::end_idle() {
  for (IdleGang& idle : idle_) end_idle(idle, "the agent ends");
}

bool Gangs::idle_is_gone(IdleGang& idle, GangChanges& changes) {
  const MonotonicMs now_ms = parts_.clock.monotonic_ms();
  if (!idle.launcher_ended && parts_.processes.reap(idle.last.launcher.pid))
    idle.launcher_ended = true;
  if (idle.launcher_ended) {
    end_idle(idle, "their launcher has ended");
  } else if (now_ms >= idle.until_ms) {
    end_idle(idle, "there is no other evaluation of their weights");
  }
  if (!idle.launcher_ended || now_ms < idle.last.scan_after_ms) return false;
  const auto left = parts_.processes.marked_descendants(mark_of(idle.last));
  for (const int pid : left) parts_.processes.signal_process(pid, SIGKILL);
  idle.last.scan_after_ms = now_ms + kScanMs;
  if (!left.empty()) return false;
  changes.gone_peers.insert(changes.gone_peers.end(), idle.last.peers.begin(),
                            idle.last.peers.end());
  return true;
}

void Gangs::supervise_idle(GangChanges& changes) {
  for (auto it = idle_.begin(); it != idle_.end();) {
    if (!idle_is_gone(*it, changes)) {
      ++it;
      continue;
    }
    const RunningGang last = std::move(it->last);
    it = idle_.erase(it);
    clear_after(last);
  }
}

/// Ranks that were handed a job and say nothing: whatever keeps them, they are of no use.
void Gangs::end_unanswered(RunningGang& running) {
  const MonotonicMs now_ms = parts_.clock.monotonic_ms();
  if (!running.hello_until_ms || now_ms < *running.hello_until_ms) return;
  running.hello_until_ms.reset();
  if (!running.gang.hellos().empty()) return;
  log_warning("job {} attempt {}: the ranks that had stayed do not answer; they are ended",
              running.gang.launch().job.value, running.gang.launch().attempt.value);
  parts_.processes.signal_group(running.launcher, SIGKILL);
}

/// A rank says hello before it does anything of a job.
bool Gangs::has_not_begun(const RunningGang& running) {
  const AttemptKey key{running.gang.launch().job, running.gang.launch().attempt};
  return running.born != key && running.gang.hellos().empty() && !running.gang.is_ending() &&
         !running.save_reason;
}

}  // namespace tagalign::agent
