#include "coordinator/replay/history.h"

namespace tagalign::replay {
namespace {

using core::Fact;
using core::State;

class Reader {
 public:
  explicit Reader(History& history) : history_(history) {}

  /// Before the state takes it.
  void take(const Fact& fact) {
    at_ms_ = fact.at_ms;
    std::visit([this](const auto& body) { read(body); }, fact.body);
  }

 private:
  template <class Body>
  void read(const Body&) {}  // what the core decided

  void read(const core::WorkflowTaken& fact) {
    core::WorkflowSubmitted submitted{fact.token, {fact.name, fact.workspace, {}}};
    for (const core::NewJob& job : fact.jobs) submitted.spec.jobs.push_back(job.spec);
    for (const core::NewTemplate& pattern : fact.templates)
      submitted.spec.jobs.push_back(pattern.spec);
    add(std::move(submitted));
  }
  void read(const core::AgentSeen& fact) { add(fact); }
  void read(const core::AgentGone& fact) { add(fact); }
  void read(const core::ShutdownAsked& fact) { add(StopBegan{fact.kill_gangs}); }
  void read(const core::ShutdownEnded&) { add(StopEnded{}); }
  void read(const core::JobHeld& fact) { ask(fact.job, wire::JobVerb::kHold); }
  void read(const core::JobReleased& fact) { ask(fact.job, wire::JobVerb::kRelease); }
  void read(const core::JobRevived& fact) { ask(fact.job, wire::JobVerb::kRequeue, true); }
  void read(const core::JobSet& fact) {
    add(Asked{key_of(fact.job), wire::JobVerb::kSet, fact.priority, fact.time_limit_s, false});
  }
  /// People and the core cancel with the same facts: the words tell who it was (change.cpp).
  void read(const core::JobCancelled& fact) {
    if (fact.reason.starts_with("cancelled on request")) ask(fact.job, wire::JobVerb::kCancel);
  }
  void read(const core::StopAsked& fact) {
    if (fact.reason.starts_with("cancelled on request")) ask(fact.job, wire::JobVerb::kCancel);
    if (fact.reason.starts_with("requeued")) ask(fact.job, wire::JobVerb::kRequeue);
  }

  JobKey key_of(JobId id) const {
    const core::Job& job = history_.end.jobs.at(id);
    return {job.workflow, job.spec.name};
  }
  void ask(JobId job, wire::JobVerb verb, bool of_ended = false) {
    add(Asked{key_of(job), verb, {}, {}, of_ended});
  }
  template <class What>
  void add(What what) {
    history_.moments.push_back({at_ms_, std::move(what)});
  }

  History& history_;
  UnixMs at_ms_ = 0;
};

}  // namespace

History read_history(std::span<const Fact> facts) {
  History history;
  Reader reader(history);
  for (const Fact& fact : facts) {
    if (std::holds_alternative<core::WorkflowArchived>(fact.body)) continue;
    reader.take(fact);
    core::evolve(history.end, fact);
  }
  for (const auto& [id, job] : history.end.jobs)
    history.work[{job.workflow, job.spec.name}] = work_of(job, history.end.now_ms);
  return history;
}

}  // namespace tagalign::replay
