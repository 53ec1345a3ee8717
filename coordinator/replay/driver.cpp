#include "coordinator/replay/driver.h"

#include <algorithm>
#include <limits>

#include "coordinator/core/core.h"
#include "coordinator/replay/gangs.h"

namespace tagalign::replay {
namespace {

using core::State;

/// Reminders that change nothing while no gang runs and nobody comes: then it is over.
constexpr int kIdleTurnsMax = 10'000;
constexpr std::int64_t kTickMs = 1'000;

core::Policy policy_of(const WhatIf& what_if) {
  core::Policy policy;
  policy.backfill = what_if.backfill;
  policy.preemption = what_if.preemption;
  policy.ended_jobs_kept = std::numeric_limits<std::size_t>::max();
  return policy;
}

/// What jobs of a name had to do, for those of which it is not known.
class Works {
 public:
  Works(const History& history, const WhatIf& what_if) : history_(history), what_if_(what_if) {
    for (const auto& [id, job] : history.end.jobs) {
      const Work& work = history.work.at({job.workflow, job.spec.name});
      if (work.total_ms) families_[core::family_of(history.end, job)].push_back(&work);
    }
    for (auto& [family, works] : families_)
      std::ranges::sort(works, {}, [](const Work* work) { return *work->total_ms; });
  }

  Task task_of(const State& state, const core::Job& job) const {
    const auto found = history_.work.find({job.workflow, job.spec.name});
    const auto family = families_.find(core::family_of(state, job));
    const Work* usual =
        family == families_.end() ? nullptr : family->second[family->second.size() / 2];
    const bool known =
        found != history_.work.end() && (found->second.total_ms || found->second.reached_ms > 0 ||
                                         !found->second.failures.empty() || usual == nullptr);
    Task task{.job = job.id, .attempt = job.attempt};
    if (known || usual) task.work = known ? found->second : *usual;
    const std::int64_t usual_ms = usual ? *usual->total_ms : 0;
    task.total_ms = task.work.total_ms.value_or(std::max(usual_ms, task.work.reached_ms + 1));
    if (known && what_if_.failures) task.failure = failure_of(task.work, job.attempt);
    if (what_if_.checkpoint_every)
      task.work = with_commits_every(task.work, *what_if_.checkpoint_every);
    if (!job.checkpoints.empty()) task.from_step = job.checkpoints.rbegin()->first;
    return task;
  }

 private:
  /// What never got to its end fails again in attempts that it did not have.
  static std::optional<Failure> failure_of(const Work& work, Attempt attempt) {
    const auto found = work.failures.find(attempt);
    if (found != work.failures.end()) return found->second;
    const bool hopeless = !work.total_ms && !work.failures.empty();
    if (hopeless && attempt > work.failures.rbegin()->first) return work.failures.rbegin()->second;
    return std::nullopt;
  }

  const History& history_;
  const WhatIf& what_if_;
  std::map<std::string, std::vector<const Work*>> families_;
};

class Driver {
 public:
  Driver(const History& history, const WhatIf& what_if)
      : history_(history), what_if_(what_if), works_(history, what_if) {
    mind_.policy = policy_of(what_if);
  }

  State run() {
    auto moment = history_.moments.begin();
    if (moment != history_.moments.end()) now_ms_ = moment->at_ms;
    join_fixed_agents();
    for (int idle = 0; idle < kIdleTurnsMax; ++idle) {
      const bool moments = moment != history_.moments.end();
      const auto gang = next_gang();
      const auto due_ms = core::next_deadline(mind_, state_);
      const bool waits = !state_.index.delayed.empty() && !state_.stopping;
      if (!moments && gang == gangs_.end() && !waits) break;
      const UnixMs outside_ms = std::min(moments ? moment->at_ms : kNever,
                                         gang == gangs_.end() ? kNever : gang->second.next_ms());
      if (outside_ms != kNever) idle = 0;
      if (due_ms && *due_ms < outside_ms) {
        pass_time(*due_ms, outside_ms);
        continue;
      }
      if (outside_ms == kNever) break;
      now_ms_ = std::max(now_ms_, outside_ms);
      if (moments && moment->at_ms <= outside_ms) {
        std::visit([this](const auto& what) { take(what); }, (moment++)->what);
      } else {
        act(gang);
      }
    }
    return std::move(state_);
  }

 private:
  using GangKey = std::pair<JobId, Attempt>;
  using Gangs = std::map<GangKey, Gang>;
  static constexpr UnixMs kNever = std::numeric_limits<UnixMs>::max();

  /// A deadline that has passed and changed nothing is not asked again at once.
  void pass_time(UnixMs due_ms, UnixMs outside_ms) {
    const UnixMs next_ms = due_ms > now_ms_ ? due_ms : std::min(outside_ms, now_ms_ + kTickMs);
    now_ms_ = next_ms;
    decide(core::TimePassed{});
  }

  Gangs::iterator next_gang() {
    return std::ranges::min_element(gangs_, {},
                                    [](const auto& entry) { return entry.second.next_ms(); });
  }

  // -------------------------------------------------------------- what comes from outside

  void take(const core::WorkflowSubmitted& submitted) {
    core::WorkflowSubmitted changed = submitted;
    for (wire::JobSpec& job : changed.spec.jobs) {
      if (what_if_.retries) job.retries_max = *what_if_.retries;
      if (!what_if_.priorities) job.priority = 0;
    }
    decide(std::move(changed));
  }

  void take(const Asked& asked) {
    const auto jobs = state_.index.jobs_of.find(asked.job.workflow);
    if (jobs == state_.index.jobs_of.end()) return;
    for (const JobId id : jobs->second) {
      const core::Job& job = state_.jobs.at(id);
      if (job.spec.name != asked.job.name) continue;
      const bool requeue = asked.verb == wire::JobVerb::kRequeue;
      if (requeue && core::is_terminal(job.state) != asked.of_ended) return;
      decide(core::JobChangeAsked{id, asked.verb, "",
                                  what_if_.priorities ? asked.priority : std::nullopt,
                                  asked.time_limit_s});
      return;
    }
  }

  void take(const core::AgentSeen& seen) {
    if (what_if_.agents) return;
    const auto known = state_.agents.find(seen.agent);
    core::AgentSeen changed = seen;
    if (!what_if_.failures) {
      if (known != state_.agents.end()) return;  // it is there and stays
      changed.place.ends_ms = 0;
    }
    if (known != state_.agents.end() && known->second.incarnation != seen.incarnation)
      drop_gangs(seen.agent);
    join(changed);
  }

  void take(const core::AgentGone& gone) {
    if (what_if_.agents || !what_if_.failures) return;
    drop_gangs(gone.agent);
    decide(core::AgentLost{gone.agent});
  }

  void take(const StopBegan& stop) {
    if (!what_if_.agents && what_if_.failures) decide(core::StopRequested{stop.kill_gangs});
  }
  /// The agents are gone with it, or say hello again.
  void take(const StopEnded&) {
    if (!state_.stopping) return;
    const std::map<AgentId, core::Agent> agents = state_.agents;
    for (const auto& [id, agent] : agents) {
      drop_gangs(id);
      if (agent.connected) decide(core::AgentLost{id});
    }
    decide(core::ServiceStopped{});
  }

  void join(const core::AgentSeen& seen) {
    wire::AgentHello hello;
    hello.agent = seen.agent;
    hello.incarnation = seen.incarnation;
    hello.host = seen.host;
    hello.slots = seen.slots > 0 && what_if_.slots ? *what_if_.slots : seen.slots;
    hello.gpus = seen.gpus;
    hello.pid = 1;
    hello.first_unacknowledged = sequences_[seen.agent] + 1;
    hello.place = seen.place;
    for (const auto& [key, gang] : gangs_) {
      if (gang.agents().contains(seen.agent)) hello.known_attempts.push_back(key);
    }
    decide(core::AgentJoined{hello});
  }

  void join_fixed_agents() {
    if (!what_if_.agents) return;
    core::AgentSeen largest;
    for (const Moment& moment : history_.moments) {
      const auto* seen = std::get_if<core::AgentSeen>(&moment.what);
      if (seen && seen->slots > largest.slots) largest = *seen;
    }
    largest.place.ends_ms = 0;
    for (int i = 1; i <= *what_if_.agents; ++i) {
      largest.agent = {"agent-" + std::to_string(i)};
      join(largest);
    }
  }

  // -------------------------------------------------------------- gangs

  void act(Gangs::iterator found) {
    Gang& gang = found->second;
    const std::vector<wire::AgentEvent> events = gang.act();
    const std::set<AgentId> agents = gang.agents();
    if (gang.over()) gangs_.erase(found);
    for (const wire::AgentEvent& event : events) {
      const bool by_all = !std::holds_alternative<wire::CheckpointCommitted>(event);
      for (const AgentId& agent : agents) {
        decide(core::AgentReported{agent, {{++sequences_[agent], event}}});
        if (!by_all) break;
      }
    }
  }

  void drop_gangs(const AgentId& agent) {
    for (auto gang = gangs_.begin(); gang != gangs_.end();)
      gang = gang->second.lose(agent) ? gangs_.erase(gang) : std::next(gang);
  }

  void decide(core::InputBody body) {
    const core::Decision decision = core::decide(mind_, state_, {now_ms_, std::move(body)});
    for (const core::Effect& effect : decision.effects) {
      const auto* send = std::get_if<core::Send>(&effect);
      if (send == nullptr) continue;
      std::visit([&](const auto& message) { hear(send->agent, message); }, send->message);
    }
  }

  template <class Message>
  void hear(const AgentId&, const Message&) {}
  void hear(const AgentId&, const wire::Launch& launch) {
    const core::Job& job = state_.jobs.at(launch.job);
    if (gangs_.contains({launch.job, launch.attempt}) || job.attempt != launch.attempt) return;
    std::set<AgentId> agents;
    for (const wire::Share* share : core::open_shares(job)) agents.insert(share->agent);
    gangs_.emplace(GangKey{launch.job, launch.attempt},
                   Gang(works_.task_of(state_, job), std::move(agents), now_ms_));
  }
  void hear(const AgentId&, const wire::StopAttempt& stop) {
    const auto gang = gangs_.find({stop.job, stop.attempt});
    if (gang == gangs_.end()) return;
    stop.mode == wire::StopMode::kKill ? gang->second.kill(now_ms_) : gang->second.leave(now_ms_);
  }
  void hear(const AgentId& agent, const wire::AgentShutdown&) {
    for (auto& [key, gang] : gangs_) {
      if (gang.agents().contains(agent)) gang.leave(now_ms_);
    }
  }

  const History& history_;
  const WhatIf& what_if_;
  Works works_;
  core::Mind mind_;
  State state_;
  UnixMs now_ms_ = 0;
  Gangs gangs_;
  std::map<AgentId, std::uint64_t> sequences_;
};

}  // namespace

State play(const History& history, const WhatIf& what_if) {
  return Driver(history, what_if).run();
}

}  // namespace tagalign::replay
