#include "worker/agent/gangs/gangs.h"

#include <algorithm>
#include <csignal>
#include <utility>

#include "base/exit_codes.h"
#include "base/format.h"
#include "base/log.h"
#include "coordinator/wire/end_note.h"
#include "worker/agent/gangs/hang_report.h"
#include "worker/agent/gangs/last_words.h"

namespace tagalign::agent {
namespace {

constexpr std::int64_t kLeftoversMsMax = 10'000;
/// What MPI alone wants for its files of one rank.
constexpr std::uint64_t kFullBelowBytes = 64 << 10;
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
  if (!parts_.environment.common_scratch.empty()) {
    for (const auto& [key, launcher] : launchers)
      clear_scratch(common_scratch(parts_.environment, key));
  }
  return ok_status();
}

// ---------------------------------------------------------------- requests

const wire::Launch* Gangs::launch_of(const AttemptKey& key) const {
  const auto found = gangs_.find(key);
  return found == gangs_.end() ? nullptr : &found->second.gang.launch();
}

std::vector<std::string> Gangs::peers() const {
  std::vector<std::string> peers;
  for (const auto& [key, running] : gangs_)
    peers.insert(peers.end(), running.peers.begin(), running.peers.end());
  for (const IdleGang& idle : idle_)
    peers.insert(peers.end(), idle.last.peers.begin(), idle.last.peers.end());
  return peers;
}

std::set<int> Gangs::held_slots() const {
  std::set<int> held;
  const auto hold = [&](const RunningGang& running) {
    held.insert(running.gang.part().slots.begin(), running.gang.part().slots.end());
  };
  for (const auto& [key, running] : gangs_) hold(running);
  for (const IdleGang& idle : idle_) hold(idle.last);
  return held;
}

Gangs::RunningGang* Gangs::find(JobId job, Attempt attempt) {
  const auto found = gangs_.find({job, attempt});
  return found == gangs_.end() ? nullptr : &found->second;
}

bool Gangs::end_older_attempt(const AttemptKey& key) {
  const auto older = std::ranges::find_if(gangs_, [&](const auto& entry) {
    return entry.first.first == key.first && entry.first < key;
  });
  if (older == gangs_.end()) return false;
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
  running->gang.on_leave_request();
  if (running->gang.part().is_plain) ask_plain_to_leave(*running);
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
  for (auto& [key, running] : gangs_) {
    const auto rank = running.gang.rank_of(pid);
    if (!rank) continue;
    const auto note =
        parts_.files.read_file(rank_end_note(running.gang.launch(), *rank), wire::kEndNoteBytesMax);
    running.gang.on_process_gone(pid, now_ms,
                                 note.ok() ? wire::parse_end_note(*note) : std::nullopt);
  }
}

// ---------------------------------------------------------------- supervision

GangChanges Gangs::supervise() {
  GangChanges changes;
  for (auto it = gangs_.begin(); it != gangs_.end();) {
    RunningGang& running = it->second;
    if (auto notice = supervise_one(running, changes)) changes.events.push_back(std::move(*notice));
    if (running.gang.part().is_plain) hear_reports(running, changes.events);
    const bool stay = running.start_key && running.gang.ranks_are_done();
    if (stay) running.gang.on_launcher_exit({}, parts_.clock.monotonic_ms());
    if (!stay && !is_over(running)) {
      ++it;
      continue;
    }
    if (has_not_begun(running)) {
      changes.given_back.push_back(running.gang.launch());
    } else {
      conclude(running, changes);
    }
    auto ended = gangs_.extract(it++);
    if (stay) {
      become_idle(std::move(ended.mapped()));
    } else {
      clear_after(ended.mapped());
    }
  }
  supervise_idle(changes);
  return changes;
}

void Gangs::conclude(RunningGang& running, GangChanges& changes) {
  wire::AttemptEnded ended =
      running.gang.conclude(parts_.clock.unix_ms(), parts_.clock.monotonic_ms());
  say_more(running, ended);
  if (const auto spent = running.gang.spent(parts_.clock.monotonic_ms()))
    changes.events.push_back(*spent);
  if (running.exec) check_outputs(running, ended);
  log_info("job {} attempt {} ended: {}", ended.job.value, ended.attempt.value,
           ended.message.empty() ? "well" : ended.message);
  changes.gone_peers.insert(changes.gone_peers.end(), running.peers.begin(), running.peers.end());
  changes.events.push_back(std::move(ended));
}

/// MPI's files of a gang without processes.
void Gangs::clear_after(const RunningGang& running) {
  if (running.gang.part().is_plain) return;
  if (!parts_.environment.scratch.empty())
    clear_scratch(gang_scratch(parts_.environment, running.born));
  if (spans_nodes(running.gang.launch()))
    clear_scratch(common_scratch(parts_.environment, running.born));
  if (empty() && !parts_.environment.scratch.empty()) clear_scratch(parts_.environment.scratch);
}

/// Of an end that no rank gave a reason for: what the log says, and whether a disk is full that a
/// launcher or MPI could not write to. Neither has a code for that.
void Gangs::say_more(const RunningGang& running, wire::AttemptEnded& ended) {
  const Path log = running.gang.log_of_cause();
  if (log.empty()) return;
  ended.message += ", which " + last_words(parts_.files, log);
  if (ended.outcome != wire::Outcome::kFailed) return;
  for (const Path& folder : {Path(running.gang.launch().workspace), parts_.environment.scratch}) {
    const auto free = parts_.files.free_bytes(folder);
    if (folder.empty() || !free.ok() || *free >= kFullBelowBytes) continue;
    ended.exit_code = to_int(ExitCode::kPlaceFailed);
    ended.message +=
        format("; the disk of {} is full ({} bytes free): free space there, and the job goes on",
               folder.string(), *free);
    return;
  }
}

/// From outside, before its ranks say it themselves, which one that is stopped can only do after a
/// signal that lets it go on.
void Gangs::report_hang(const RunningGang& running) {
  const Gang& gang = running.gang;
  const Status written =
      write(hang_report(gang.launch(), parts_.agent), hang_text(gang, parts_.processes));
  if (!written.ok()) log_warning("the report of a hung gang: {}", written.to_string());
  for (const int pid : gang.rank_pids()) parts_.processes.signal_process(pid, SIGCONT);
}

/// Of those that have written no stacks: they take no signal, or what answers in them waits too.
void Gangs::debug_silent_ranks(RunningGang& running) {
  Gang& gang = running.gang;
  for (const int pid : gang.rank_pids()) {
    const Path stacks = rank_stacks(gang.launch(), gang.rank_of(pid).value());
    if (!parts_.files.exists(stacks) && parts_.processes.debug(pid, stacks))
      gang.wait_for_debugger();
  }
}

std::string Gangs::mark_of(const RunningGang& running) const {
  return gang_mark(parts_.environment.agent_mark, running.born);
}

/// Returns the notice of why the gang is being ended, when that became clear just now.
std::optional<wire::AgentEvent> Gangs::supervise_one(RunningGang& running, GangChanges& changes) {
  Gang& gang = running.gang;
  const MonotonicMs now_ms = parts_.clock.monotonic_ms();
  if (!gang.launcher_ended() && gang.launcher_pid() != 0) {
    if (const auto exit = parts_.processes.reap(gang.launcher_pid()))
      gang.on_launcher_exit(*exit, now_ms);
  }
  end_unanswered(running);
  if (gang.nothing_awaited()) gang.on_launcher_exit({}, now_ms);
  if (gang.stacks_are_due(now_ms)) debug_silent_ranks(running);
  const GangActions actions = gang.decide(now_ms);
  if (actions.show_stacks) {
    report_hang(running);
    changes.hung_peers.insert(changes.hung_peers.end(), running.peers.begin(), running.peers.end());
  }
  if (actions.kill_ranks) {
    for (const int pid : gang.rank_pids()) parts_.processes.signal_process(pid, SIGKILL);
  }
  if (actions.terminate_launcher) parts_.processes.signal_group(running.launcher, SIGTERM);
  if (actions.kill_all) {
    parts_.processes.signal_group(running.launcher, SIGKILL);
    for (const int pid : parts_.processes.marked(mark_of(running)))
      parts_.processes.signal_process(pid, SIGKILL);
  }
  // mpirun takes half a second to clear up: the coordinator need not wait for that to know.
  if (actions.kill_ranks && !gang.ends_on_request()) return gang.notice_of_cause();
  return std::nullopt;
}

/// One look for a gang that ended well; another every kScanMs while any of its processes is left.
bool Gangs::is_over(RunningGang& running) {
  const MonotonicMs now_ms = parts_.clock.monotonic_ms();
  if (!running.gang.may_conclude(now_ms) || now_ms < running.scan_after_ms) return false;
  // Ranks that srun started are no descendants of the agent.
  const std::string mark = mark_of(running);
  const std::vector<int> left = by_srun(running.gang.launch())
                                    ? parts_.processes.marked(mark)
                                    : parts_.processes.marked_descendants(mark);
  const bool may_save = now_ms < running.leave_until_ms && !running.gang.ends_on_request();
  for (const int pid : left)
    if (!may_save) parts_.processes.signal_process(pid, SIGKILL);
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
