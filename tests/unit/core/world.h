/// Shorthands for tests of the core: a state with one agent, and events in few words.
#pragma once

#include <string>
#include <vector>

#include "base/limits.h"
#include "coordinator/core/core.h"

namespace tagalign::core {

inline wire::JobSpec make_job(std::string name, std::string kind = "train", int ranks = 1,
                              std::vector<std::string> after = {}) {
  wire::JobSpec spec;
  spec.name = std::move(name);
  spec.kind = kind;
  spec.ranks = ranks;
  spec.after = std::move(after);
  return spec;
}

inline wire::WorkflowSpec make_workflow(std::vector<wire::JobSpec> jobs) {
  return {"flow", "/work", std::move(jobs)};
}

/// State and the effects of the newest input, as text: "launch 1.1@a", "kill 1.1@a", "save …", "ack
/// 3@a", "hello@a"; and the history that made the state.
struct Bench {
  State state;
  Mind mind;
  UnixMs now = 1'000;
  std::vector<std::string> effects;
  std::vector<Fact> facts;
  int submitted = 0;
  std::map<std::string, std::uint64_t> sequence;

  void give(InputBody body) {
    effects.clear();
    Decision decision = decide(mind, state, Input{now, std::move(body)});
    for (Fact& fact : decision.facts) facts.push_back(std::move(fact));
    for (const Effect& effect : decision.effects) {
      std::visit([&](const auto& e) { effects.push_back(text(e)); }, effect);
    }
  }
  /// Changes what job `id` needs, as no input can: for tests in which it shall not fit.
  void resize(std::uint64_t id, int ranks) {
    job(id).spec.ranks = ranks;
    build_index(state);
  }
  void submit(std::vector<wire::JobSpec> jobs) {
    give(WorkflowSubmitted{"token" + std::to_string(submitted++), make_workflow(std::move(jobs))});
  }
  void join(std::string agent, int slots = 2, std::vector<std::pair<JobId, Attempt>> known = {},
            std::string incarnation = "i1", std::uint64_t next = 0) {
    if (next == 0) next = sequence[agent] + 1;
    give(AgentJoined{
        {{agent}, std::move(incarnation), "host", slots, 0, 1, std::move(known), next}});
  }
  void report(std::string agent, wire::AgentEvent event) {
    const std::uint64_t number = ++sequence[agent];
    give(AgentReported{{agent}, {{number, std::move(event)}}});
  }
  void ended(std::string agent, std::uint64_t job, std::uint32_t attempt, wire::Outcome outcome,
             std::uint64_t step = 0, int code = 0) {
    wire::AttemptEnded end;
    end.job = {job};
    end.attempt = {attempt};
    end.outcome = outcome;
    end.exit_code = code;
    end.last_step = step;
    end.message = "why";
    report(std::move(agent), end);
  }
  void committed(std::uint64_t job, std::uint32_t attempt, std::uint64_t step,
                 bool scheduled = true, std::string digest = {}) {
    if (digest.empty()) digest = "d" + std::to_string(step);
    report("a", wire::CheckpointCommitted{
                    {job}, {attempt}, {step, "/c/" + std::to_string(step), digest, scheduled}});
  }
  Job& job(std::uint64_t id) { return state.jobs.at(JobId{id}); }
  std::string state_of(std::uint64_t id) { return std::string(job_state_name(job(id).state)); }

  static std::string key(JobId job, Attempt attempt) {
    return std::to_string(job.value) + "." + std::to_string(attempt.value);
  }
  static std::string text(const Send& e) {
    return std::visit([](const auto& m) { return text(m); }, e.message) + "@" + e.agent.value;
  }
  static std::string text(const Acknowledge& e) {
    return "ack " + std::to_string(e.sequence) + "@" + e.agent.value;
  }
  static std::string text(const Alert&) { return "alert"; }
  static std::string text(const ClosePools&) { return "close pools"; }
  static std::string text(const AskSlurm& e) {
    static constexpr const char* kNames[] = {"sbatch", "squeue", "sacct", "scancel"};
    return kNames[e.what.index()];
  }
  static std::string text(const StartSshAgent& e) { return "ssh " + e.host.host; }
  static std::string text(const EndSshAgent& e) { return "end ssh " + e.host; }
  static std::string text(const wire::Launch& m) { return "launch " + key(m.job, m.attempt); }
  static std::string text(const wire::StopAttempt& m) {
    return (m.mode == wire::StopMode::kKill ? "kill " : "save ") + key(m.job, m.attempt);
  }
  static std::string text(const wire::AckEvents& m) { return "ack " + std::to_string(m.sequence); }
  static std::string text(const wire::AgentShutdown&) { return "shutdown"; }
  static std::string text(const wire::SayHello&) { return "hello"; }
  static std::string text(const wire::StartDaemon& m) { return "daemon " + key(m.job, m.attempt); }
};

}  // namespace tagalign::core
