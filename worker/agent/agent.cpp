#include "worker/agent/agent.h"

#include <algorithm>
#include <csignal>
#include <utility>

#include "base/format.h"
#include "base/limits.h"
#include "base/log.h"
#include "coordinator/protocol/codec.h"
#include "worker/agent/overloaded.h"

namespace tagalign::agent {
namespace {

using protocol::AttemptEnded;
using protocol::Outcome;

constexpr std::int64_t kBuryMsMax = 10'000;
constexpr int kMessagesPerRound = 256;  ///< of one socket: the others get their turn

}  // namespace

Agent::Agent(const AgentParts& parts, Spool spool, Journal journal)
    : parts_(parts), spool_(std::move(spool)), journal_(std::move(journal)) {}

Result<std::unique_ptr<Agent>> Agent::create(const AgentParts& parts) {
  TA_RETURN_IF_ERROR(parts.files.create_directories(parts.folder));
  TA_ASSIGN_OR_RETURN(Spool spool, Spool::open(parts.files, parts.folder / "spool"));
  TA_ASSIGN_OR_RETURN(Journal journal, Journal::open(parts.files, parts.folder / "journal"));
  std::unique_ptr<Agent> agent(new Agent(parts, std::move(spool), std::move(journal)));
  TA_RETURN_IF_ERROR(agent->bury_previous_life());
  return agent;
}

Status Agent::kill_leftovers(const std::string& mark) {
  const MonotonicMs begin_ms = parts_.clock.monotonic_ms();
  while (true) {
    const std::vector<int> pids = parts_.processes.marked(mark);
    if (pids.empty()) return ok_status();
    if (parts_.clock.monotonic_ms() - begin_ms > kBuryMsMax) {
      return timed_out(format(
          "ending what an earlier agent left: process {} did not end after SIGKILL", pids.front()));
    }
    for (const int pid : pids) parts_.processes.signal_process(pid, SIGKILL);
    parts_.clock.sleep_ms(kTickMs);
  }
}

Status Agent::bury_previous_life() {
  const auto open = journal_.open_attempts();
  for (const auto& [key, launcher] : open) parts_.processes.signal_group(launcher, SIGKILL);
  TA_RETURN_IF_ERROR(kill_leftovers(parts_.environment.agent_mark + "-"));
  if (!parts_.environment.scratch.empty()) clear_scratch(parts_.environment.scratch);
  for (const auto& [key, launcher] : open) {
    const bool spooled = std::ranges::any_of(spool_.unacknowledged(), [&](const auto& sequenced) {
      const auto* ended = std::get_if<AttemptEnded>(&sequenced.event);
      return ended && AttemptKey{ended->job, ended->attempt} == key;
    });
    if (!spooled) {
      const AttemptEnded ended{.job = key.first,
                               .attempt = key.second,
                               .outcome = Outcome::kAgentRestarted,
                               .message = "the agent ended, and its gang with it; it has come back",
                               .at_ms = parts_.clock.unix_ms()};
      TA_RETURN_IF_ERROR(spool_.append(ended).status());
    }
    TA_RETURN_IF_ERROR(journal_.close(key));
  }
  return ok_status();
}

void Agent::step() {
  const std::vector<int> gone = parts_.processes.wait(kTickMs);
  // Before the messages are read: what the others say of a lost peer must not look earlier.
  const MonotonicMs gone_ms = parts_.clock.monotonic_ms();
  drain_ranks();
  for (const int pid : gone) {
    for (auto& [key, running] : gangs_) running.gang.on_process_gone(pid, gone_ms);
  }
  drain_coordinator();
  supervise();
  flush_pending();
  if (hello_due_) send_hello();
  send_events();
  send_heartbeat();
}

void Agent::request_shutdown(const std::string& reason) {
  if (shutdown_reason_) return;
  log_info("shutting down: {}", reason);
  shutdown_reason_ = reason;
  shutdown_ms_ = parts_.clock.monotonic_ms();
  // Said before any further event: what a launch would hold here is given to another agent.
  parts_.identity.slots = 0;
  hello_due_ = true;
  for (auto& [key, running] : gangs_) save_and_leave(running, reason);
}

bool Agent::finished() {
  if (!shutdown_reason_ || !gangs_.empty()) return false;
  const MonotonicMs now_ms = parts_.clock.monotonic_ms();
  if (!idle_since_ms_) idle_since_ms_ = now_ms;
  const bool delivered = pending_.empty() && spool_.unacknowledged().empty();
  return delivered || now_ms - *idle_since_ms_ >= limits::kRequestTimeoutMs;
}

Agent::RunningGang* Agent::find_gang(JobId job, Attempt attempt) {
  const auto found = gangs_.find({job, attempt});
  return found == gangs_.end() ? nullptr : &found->second;
}

// ---------------------------------------------------------------- coordinator → agent

void Agent::drain_coordinator() {
  for (int count = 0; count < kMessagesPerRound; ++count) {
    const auto frame = parts_.coordinator.receive(0);
    if (!frame.ok() || !frame->has_value()) return;
    if ((*frame)->kind != protocol::FrameKind::kToAgent) continue;
    const auto message = protocol::decode_to_agent((*frame)->body);
    if (!message.ok()) {
      log_warning("dropped a message of the coordinator: {}", message.status().to_string());
      continue;
    }
    std::visit(Overloaded{[&](const protocol::Launch& launch) { on_launch(launch); },
                          [&](const protocol::StopAttempt& stop) { on_stop(stop); },
                          [&](const protocol::AckEvents& ack) {
                            if (const Status status = spool_.acknowledge(ack.sequence);
                                !status.ok()) {
                              log_warning("spool: {}", status.to_string());
                            }
                          },
                          [&](const protocol::AgentShutdown& end) { request_shutdown(end.reason); },
                          [&](const protocol::SayHello&) { hello_due_ = true; }},
               *message);
  }
}

void Agent::on_launch(const protocol::Launch& launch) {
  const AttemptKey key{launch.job, launch.attempt};
  if (journal_.has_accepted(key)) {
    log_info("job {} attempt {} was accepted before: not launched again", launch.job.value,
             launch.attempt.value);
    return;
  }
  AttemptEnded ended{.job = launch.job, .attempt = launch.attempt, .at_ms = parts_.clock.unix_ms()};
  if (shutdown_reason_) {
    ended.outcome = Outcome::kAgentRestarted;
    ended.message = format("not launched: the agent is shutting down ({})", *shutdown_reason_);
    return end_attempt(std::move(ended));
  }
  if (end_older_attempt(key)) return;
  // What the journal does not hold must neither start nor end: the coordinator sends it again.
  if (const Status accepted = journal_.accept(key); !accepted.ok()) {
    return log_error("job {} attempt {} is not accepted: {}", launch.job.value,
                     launch.attempt.value, accepted.to_string());
  }
  const Status launched = launch_gang(launch);
  if (launched.ok()) return;
  log_error("job {} attempt {}: {}", launch.job.value, launch.attempt.value, launched.message());
  ended.outcome = Outcome::kLaunchFailed;
  ended.message = launched.message();
  end_attempt(std::move(ended));
}

/// Two attempts must not write side by side: true while an older one still ends.
bool Agent::end_older_attempt(const AttemptKey& key) {
  const auto older = std::ranges::find_if(gangs_, [&](const auto& entry) {
    return entry.first.first == key.first && entry.first < key;
  });
  if (older == gangs_.end()) return false;
  log_info("job {} attempt {} waits until attempt {} has ended", key.first.value, key.second.value,
           older->first.second.value);
  older->second.gang.on_kill_request(format("attempt {} takes its place", key.second.value),
                                     parts_.clock.monotonic_ms());
  return true;
}

Status Agent::launch_gang(const protocol::Launch& launch) {
  const AttemptKey key{launch.job, launch.attempt};
  GangEnvironment environment = parts_.environment;
  if (!parts_.gpus.empty()) environment.gpus = free_gpus(launch.ranks * launch.slots_per_rank);
  if (!parts_.files.exists(environment.worker)) {
    return not_found(format(
        "launching a gang: the worker program {} does not exist: build it, or give --worker FILE",
        environment.worker.string()));
  }
  TA_RETURN_IF_ERROR(parts_.files.create_directories(attempt_folder(launch)));
  if (!environment.scratch.empty())
    TA_RETURN_IF_ERROR(parts_.files.create_directories(gang_scratch(environment, key)));
  TA_RETURN_IF_ERROR(parts_.files.write_durable(attempt_config(launch), launch.config_yaml));
  const auto launcher = parts_.processes.start(gang_process(launch, environment));
  if (!launcher.ok() && launcher.status().code() == ErrorCode::kNotFound) {
    return not_found(format("{} was not found on PATH: install openmpi-bin, or give --mpirun FILE",
                            environment.mpirun));
  }
  if (!launcher.ok()) return launcher.status();
  RunningGang running{.gang = Gang(launch, launcher->pid, parts_.clock.monotonic_ms()),
                      .launcher = *launcher,
                      .gpus = environment.gpus.value_or(std::vector<std::string>{})};
  gangs_.emplace(key, std::move(running));
  parts_.processes.watch(launcher->pid);
  // Without this entry the gang is still found by its mark.
  if (const Status noted = journal_.started(key, *launcher); !noted.ok()) {
    log_warning("journal: {}", noted.to_string());
  }
  log_info("job {} ({}) attempt {}: {} ranks, launcher {}", launch.job.value, launch.job_name,
           launch.attempt.value, launch.ranks, launcher->pid);
  pending_.push_back(
      {protocol::AttemptStarted{launch.job, launch.attempt, launcher->pid, parts_.clock.unix_ms()},
       "", 0});
  return ok_status();
}

std::vector<std::string> Agent::free_gpus(int count) const {
  std::vector<std::string> chosen;
  for (const std::string& gpu : parts_.gpus) {
    const bool busy = std::ranges::any_of(gangs_, [&](const auto& entry) {
      return std::ranges::find(entry.second.gpus, gpu) != entry.second.gpus.end();
    });
    if (!busy && static_cast<int>(chosen.size()) < count) chosen.push_back(gpu);
  }
  return chosen;
}

void Agent::on_stop(const protocol::StopAttempt& stop) {
  const AttemptKey key{stop.job, stop.attempt};
  if (RunningGang* running = find_gang(stop.job, stop.attempt)) {
    if (stop.mode == protocol::StopMode::kKill) {
      running->gang.on_kill_request(stop.reason, parts_.clock.monotonic_ms());
    } else {
      save_and_leave(*running, stop.reason);
    }
    return;
  }
  if (journal_.has_accepted(key)) return;  // its end is in the spool, or was acknowledged
  // The launch was lost on its way, or is still coming: it must not start any more.
  if (const Status noted = journal_.accept(key); !noted.ok()) {
    log_warning("journal: {}", noted.to_string());
    return;
  }
  end_attempt({.job = stop.job,
               .attempt = stop.attempt,
               .outcome = Outcome::kKilledOnRequest,
               .message = format("stopped before it was launched: {}", stop.reason),
               .at_ms = parts_.clock.unix_ms()});
}

void Agent::save_and_leave(RunningGang& running, const std::string& reason) {
  if (running.save_reason) return;
  running.save_reason = reason;
  for (const std::string& peer : running.peers) send_to_rank(peer, protocol::SaveAndLeave{reason});
}

// ---------------------------------------------------------------- supervision

void Agent::supervise() {
  for (auto it = gangs_.begin(); it != gangs_.end();) {
    supervise_gang(it->second);
    if (!is_over(it->second)) {
      ++it;
      continue;
    }
    AttemptEnded ended = it->second.gang.conclude(parts_.clock.unix_ms());
    log_info("job {} attempt {} ended: {}", ended.job.value, ended.attempt.value,
             ended.message.empty() ? "well" : ended.message);
    for (const std::string& peer : it->second.peers) peers_.erase(peer);
    if (!parts_.environment.scratch.empty())
      clear_scratch(gang_scratch(parts_.environment, it->first));
    it = gangs_.erase(it);
    if (gangs_.empty() && !parts_.environment.scratch.empty())
      clear_scratch(parts_.environment.scratch);
    end_attempt(std::move(ended));
  }
}

void Agent::supervise_gang(RunningGang& running) {
  Gang& gang = running.gang;
  const MonotonicMs now_ms = parts_.clock.monotonic_ms();
  if (!gang.launcher_ended()) {
    if (const auto exit = parts_.processes.reap(gang.launcher_pid()))
      gang.on_launcher_exit(*exit, now_ms);
  }
  if (shutdown_reason_ && now_ms - shutdown_ms_ >= limits::kSaveAndLeaveMsMax) {
    gang.on_kill_request(*shutdown_reason_, now_ms);
  }
  const GangActions actions = gang.decide(now_ms);
  if (actions.kill_ranks) {
    // mpirun takes a second to clear up: the coordinator need not wait for that to know.
    pending_.push_back({gang.notice_of_cause(), "", 0});
    for (const int pid : gang.rank_pids()) parts_.processes.signal_process(pid, SIGKILL);
  }
  if (actions.terminate_launcher) parts_.processes.signal_group(running.launcher, SIGTERM);
  if (actions.kill_all) {
    parts_.processes.signal_group(running.launcher, SIGKILL);
    const std::string mark =
        gang_mark(parts_.environment.agent_mark, {gang.launch().job, gang.launch().attempt});
    for (const int pid : parts_.processes.marked(mark))
      parts_.processes.signal_process(pid, SIGKILL);
  }
}

bool Agent::is_over(RunningGang& running) {
  const Gang& gang = running.gang;
  if (!gang.may_conclude(parts_.clock.monotonic_ms())) return false;
  const std::string mark =
      gang_mark(parts_.environment.agent_mark, {gang.launch().job, gang.launch().attempt});
  const std::vector<int> left = parts_.processes.marked(mark);
  for (const int pid : left) parts_.processes.signal_process(pid, SIGKILL);
  return left.empty();
}

void Agent::clear_scratch(const Path& folder) {
  const Status removed = parts_.files.remove_all(folder);
  if (!removed.ok()) log_warning("MPI's files of an ended gang: {}", removed.to_string());
}

void Agent::end_attempt(AttemptEnded ended) {
  pending_.push_back({std::move(ended), "", 0});
}

}  // namespace tagalign::agent
