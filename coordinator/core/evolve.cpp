/// The fold. Nothing here may look at a limit, choose, or depend on anything but state and fact.
#include <array>
#include <numeric>

#include "base/status.h"
#include "coordinator/core/archive.h"
#include "coordinator/core/facts.h"

namespace tagalign::core {
namespace {

bool holds_slots(const JobState& state) {
  return !is_terminal(state) && !std::holds_alternative<Queued>(state);
}

/// The only way to change a job's state: keeps the index right. To that, all states that hold slots
/// are one and the same.
void set_state(State& state, Job& job, JobState next) {
  TA_CHECK(!is_terminal(job.state), "a terminal job stays as it is");
  if (holds_slots(job.state) && holds_slots(next)) {
    job.state = std::move(next);
    return;
  }
  index::leave(state, job);
  job.state = std::move(next);
  if (is_terminal(job.state)) job.seated = false;
  index::enter(state, job);
}

Job& job_of(State& state, JobId id) {
  const auto found = state.jobs.find(id);
  TA_CHECK(found != state.jobs.end(), "a fact of a job that was never added");
  return found->second;
}

Job& add_job(State& state, const NewJob& fact) {
  Job job;
  job.id = fact.job;
  job.workflow = fact.workflow;
  job.spec = fact.spec;
  job.state = Queued{state.now_ms, state.now_ms};
  job.submitted_ms = state.now_ms;
  job.after = fact.after;
  job.after_templates = fact.after_templates;
  job.after_any = fact.after_any;
  job.after_commit = fact.after_commit;
  job.priority = fact.spec.priority;
  job.time_limit_s = fact.spec.time_limit_s;
  const auto [entry, added] = state.jobs.emplace(fact.job, std::move(job));
  TA_CHECK(added, "a job was added twice");
  return entry->second;
}

/// Jobs may come after others that stand later in the workflow: all exist before one is indexed.
void fold(State& state, const WorkflowTaken& fact) {
  state.workflows[fact.workflow] = {fact.workflow, fact.token, fact.name, fact.workspace,
                                    state.now_ms};
  state.index.tokens[fact.token] = fact.workflow;
  for (const NewTemplate& added : fact.templates) {
    state.index.templates_by_source[added.source].push_back(state.templates.size());
    state.templates.push_back(
        {added.workflow, added.spec, added.source, added.after, added.after_templates, {}, {}});
  }
  for (const NewJob& added : fact.jobs) add_job(state, added);
  for (const NewJob& added : fact.jobs) index::add_job(state, state.jobs.at(added.job));
}

void fold(State& state, const InstanceAdded& fact) {
  Job& job = add_job(state, fact.job);
  Template& pattern = state.templates.at(fact.pattern);
  pattern.instantiated.insert(fact.digest);
  pattern.instances.push_back(fact.job.job);
  state.index.template_of[job.id] = fact.pattern;
  index::add_job(state, job);
  index::add_instance(state, fact.pattern, fact.job.job);
}

/// What a log says that knew no shares.
std::vector<wire::Share> whole_gang(const Job& job, const AgentId& agent) {
  std::vector<int> slots(static_cast<std::size_t>(slots_of(job.spec)));
  std::iota(slots.begin(), slots.end(), 0);
  return {{agent, 0, std::move(slots)}};
}

void fold(State& state, const AttemptPlaced& fact) {
  Job& job = job_of(state, fact.job);
  job.attempt = fact.attempt;
  AttemptRecord record;
  record.attempt = fact.attempt;
  record.agent = fact.agent;
  record.started_ms = state.now_ms;
  record.launcher = fact.launcher;
  record.shares = fact.shares.empty() ? whole_gang(job, fact.agent) : fact.shares;
  job.attempts.push_back(std::move(record));
  job.seated = !job.spec.group.empty();
  set_state(state, job, Starting{fact.agent, state.now_ms});
}

void fold(State& state, const AttemptRan& fact) {
  Job& job = job_of(state, fact.job);
  job.attempts.back().ran_ms = fact.at_ms;
  if (auto* saving = std::get_if<Saving>(&job.state)) {
    saving->started = true;
  } else {
    set_state(state, job, Running{*holder(job), state.now_ms});
  }
}

void fold(State& state, const StopAsked& fact) {
  Job& job = job_of(state, fact.job);
  if (auto* saving = std::get_if<Saving>(&job.state)) {
    saving->reason = fact.reason;
    saving->comes_back = fact.comes_back;
    return;
  }
  const bool started = std::holds_alternative<Running>(job.state);
  set_state(state, job,
            Saving{*holder(job), state.now_ms, fact.reason, false, started, fact.comes_back});
}

void fold(State& state, const KillAsked& fact) {
  std::get<Saving>(job_of(state, fact.job).state).kill_asked = true;
}

void fold(State& state, const AttemptClosed& fact) {
  Job& job = job_of(state, fact.job);
  AttemptRecord& record = job.attempts.back();
  record.ended_ms = state.now_ms;
  record.outcome = fact.outcome;
  record.message = fact.message;
  record.last_step = fact.last_step;
  record.asked = fact.asked;
  record.daemons.clear();
  job.program_failures = fact.program_failures;
  job.stalled_failures = fact.stalled_failures;
  job.last_failed_step = fact.last_failed_step;
  index::note_end(state, job);
  set_state(state, job, fact.next);
}

void fold(State& state, const AttemptTimed& fact) {
  AttemptRecord& record = job_of(state, fact.job).attempts.back();
  wire::add(record.spent, fact.spent);
  wire::raise(record.longest, fact.longest);
}

void fold(State& state, const ShareRan& fact) {
  job_of(state, fact.job).attempts.back().ran.insert(fact.agent);
}

void fold(State& state, const DaemonAsked& fact) {
  job_of(state, fact.job).attempts.back().daemons[fact.agent] = fact.command;
}

void fold(State& state, const ShareReopened& fact) {
  Job& job = job_of(state, fact.job);
  index::leave(state, job);
  std::erase_if(job.attempts.back().ends,
                [&](const ShareEnd& end) { return end.agent == fact.agent; });
  index::enter(state, job);
}

void fold(State& state, const ShareEnded& fact) {
  Job& job = job_of(state, fact.job);
  index::leave(state, job);
  job.attempts.back().ends.push_back(fact.end);
  index::enter(state, job);
}

void fold(State& state, const JobCancelled& fact) {
  set_state(state, job_of(state, fact.job), Cancelled{state.now_ms, fact.reason, fact.overtaken});
}

/// What decides where a job stands changes.
template <class Change>
void restand(State& state, JobId id, Change change) {
  Job& job = job_of(state, id);
  const bool live = !is_terminal(job.state);
  if (live) index::leave(state, job);
  change(job);
  if (live) index::enter(state, job);
}

void fold(State& state, const JobSet& fact) {
  restand(state, fact.job, [&](Job& job) {
    job.priority = fact.priority;
    job.time_limit_s = fact.time_limit_s;
  });
}
void fold(State& state, const JobHeld& fact) {
  restand(state, fact.job, [&](Job& job) { job.held = fact.reason; });
}
void fold(State& state, const JobReleased& fact) {
  restand(state, fact.job, [](Job& job) { job.held.reset(); });
}

void fold(State& state, const JobRevived& fact) {
  Job& job = job_of(state, fact.job);
  TA_CHECK(is_terminal(job.state), "only what has ended can be revived");
  job.state = Queued{state.now_ms, state.now_ms};
  job.program_failures = 0;
  job.stalled_failures = 0;
  job.last_failed_step.reset();
  index::revive(state, job);
}

void fold(State& state, const CheckpointKnown& fact) {
  Job& checkpointed = job_of(state, fact.job);
  checkpointed.checkpoints[fact.checkpoint.step] = {fact.checkpoint, state.now_ms};
  if (fact.progress) checkpointed.stalled_failures = 0;
  index::note_commit(state, checkpointed);
  if (fact.pace == wire::Pace{}) return;
  restand(state, fact.job, [&](Job& job) { job.pace = fact.pace; });
}

/// New, or of the archive and counted again: then it is live again.
void fold(State& state, const ResultKnown& fact) {
  const WorkflowId workflow = job_of(state, fact.job).workflow;
  ResultEntry entry{fact.job, fact.result, state.now_ms, {}, {}};
  const auto archived = state.archive.results.extract(fact.result.key);
  if (!archived.empty()) entry.workflows = archived.mapped().workflows;
  entry.workflows.insert(workflow);
  index::add_result(state, fact.result.key, workflow);
  state.results.insert_or_assign(fact.result.key, std::move(entry));
}
void fold(State& state, const ResultRepeated& fact) {
  ResultEntry& entry = state.results.at(fact.key);
  if (entry.workflows.insert(fact.workflow).second)
    index::add_result(state, fact.key, fact.workflow);
  if (fact.job != JobId{} && fact.job != entry.job) entry.repeats.insert(fact.job);
}
void fold(State& state, const ResultConflicted&) {
  ++state.conflicting_results;
}
void fold(State& state, const WorkflowArchived& fact) {
  archive_workflow(state, fact.workflow);
}

void fold(State& state, const NoticeAdded& fact) {
  std::vector<std::string>& notices = job_of(state, fact.job).notices;
  if (fact.drops_oldest && !notices.empty()) notices.erase(notices.begin());
  notices.push_back(fact.text);
}

void fold(State& state, const AgentSeen& fact) {
  state.agents[fact.agent] = {.id = fact.agent,
                              .incarnation = fact.incarnation,
                              .host = fact.host,
                              .slots = fact.slots,
                              .gpus = fact.gpus,
                              .connected = true,
                              .last_sequence = fact.last_sequence,
                              .place = fact.place};
  index::update_agent(state, fact.agent);
}
void fold(State& state, const AgentGone& fact) {
  state.agents.at(fact.agent).connected = false;
  index::update_agent(state, fact.agent);
}
void fold(State& state, const SlotsCounted& fact) {
  Capacity& capacity = state.capacity;
  capacity.slot_ms += capacity.slots * (state.now_ms - capacity.since_ms);
  capacity.since_ms = state.now_ms;
  capacity.slots = fact.slots;
}
void fold(State& state, const ReportsTaken& fact) {
  state.agents.at(fact.agent).last_sequence = fact.sequence;
}
void fold(State& state, const StaleDropped& fact) {
  state.dropped_stale += fact.messages;
}
void fold(State& state, const HealthSet& fact) {
  if (fact.health == AgentHealth{})
    state.health.erase(fact.agent);
  else
    state.health[fact.agent] = fact.health;
  index::update_agent(state, fact.agent);
}
void fold(State& state, const ShutdownAsked& fact) {
  state.stopping = Stopping{state.now_ms, fact.kill_gangs};
}
void fold(State& state, const ShutdownEnded&) {
  state.stopping.reset();
}
void fold(State& state, const PoolChanged& fact) {
  state.pools[fact.pool] = fact.view;
}

void fold(State& state, const PoolAdded& fact) {
  PoolRecord& pool = state.pool_records[fact.spec.name];
  pool.spec = fact.spec;
  pool.added_ms = state.now_ms;
}
void fold(State& state, const PoolModeSet& fact) {
  PoolRecord& pool = state.pool_records.at(fact.pool);
  pool.mode = fact.mode;
  pool.mode_reason = fact.reason;
}
void fold(State& state, const PoolErased& fact) {
  state.pool_records.erase(fact.pool);
}
void fold(State& state, const PoolNoted& fact) {
  std::vector<PoolEvent>& events = state.pool_records.at(fact.pool).events;
  if (fact.drops_oldest && !events.empty()) events.erase(events.begin());
  events.push_back({state.now_ms, fact.text});
}
void fold(State& state, const PoolDelayed& fact) {
  PoolRecord& pool = state.pool_records.at(fact.pool);
  pool.failures = fact.failures;
  pool.not_before_ms = fact.not_before_ms;
  pool.last_failure = fact.why;
}
void fold(State& state, const TokenGiven& fact) {
  state.tokens_given = fact.tokens;
}
/// Agents of an allocation that leaves are free for nothing.
void fold(State& state, const AllocationSet& fact) {
  PoolRecord& pool = state.pool_records.at(fact.pool);
  Allocation& kept = pool.allocations[fact.allocation.token];
  const bool same = (kept.leaving_ms != 0) == (fact.allocation.leaving_ms != 0) &&
                    kept.number == fact.allocation.number;
  kept = fact.allocation;
  if (same) return;
  for (const Agent* agent : agents_of(state, pool, kept)) index::update_agent(state, agent->id);
}
/// Agents that left with it stay what they were: they are about to be lost.
void fold(State& state, const AllocationGone& fact) {
  state.pool_records.at(fact.pool).allocations.erase(fact.token);
}

}  // namespace

void evolve(State& state, const Fact& fact) {
  state.now_ms = fact.at_ms;
  std::visit([&](const auto& body) { fold(state, body); }, fact.body);
}

std::string_view fact_name(const Fact& fact) {
  static constexpr std::array<std::string_view, std::variant_size_v<FactBody>> kNames{
      "workflow-taken",   "instance-added", "attempt-placed",  "attempt-ran",
      "stop-asked",       "kill-asked",     "attempt-closed",  "job-cancelled",
      "checkpoint-known", "result-known",   "result-repeated", "result-conflicted",
      "notice-added",     "agent-seen",     "agent-gone",      "reports-taken",
      "stale-dropped",    "shutdown-asked", "shutdown-ended",  "pool-changed",
      "share-ran",        "daemon-asked",   "share-ended",     "pool-added",
      "pool-mode-set",    "pool-erased",    "pool-noted",      "pool-delayed",
      "token-given",      "allocation-set", "allocation-gone", "share-reopened",
      "job-set",          "job-held",       "job-released",    "job-revived",
      "health-set",       "attempt-timed",  "slots-counted",   "workflow-archived"};
  return kNames[fact.body.index()];
}

}  // namespace tagalign::core
