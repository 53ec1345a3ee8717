/// The one field list of everything that is stored. Numbers ascend, are never reused and never
/// change their meaning; a new field takes the next number of its struct and raises kFactFormat.
///
/// Independent of the wire: what messages.h gains or loses is stored only once it is listed
/// here. Private to coordinator/store.
#pragma once

#include "coordinator/core/facts.h"
#include "coordinator/store/stored_gang_fields.h"
#include "coordinator/store/stored_job_fields.h"
#include "coordinator/store/stored_pool_fields.h"
#include "coordinator/store/tagged.h"

namespace tagalign {

namespace core {

// ---------------------------------------------------------------- parts of facts and state

template <class F, Is<Queued> T>
void fields(F& f, T& s) {
  f(1, s.since_ms);
  f(2, s.not_before_ms);
}
template <class F, Is<Starting> T>
void fields(F& f, T& s) {
  f(1, s.agent);
  f(2, s.since_ms);
}
template <class F, Is<Running> T>
void fields(F& f, T& s) {
  f(1, s.agent);
  f(2, s.since_ms);
}
template <class F, Is<Saving> T>
void fields(F& f, T& s) {
  f(1, s.agent);
  f(2, s.since_ms);
  f(3, s.reason);
  f(4, s.kill_asked);
  f(5, s.started);
  f(6, s.comes_back);  // since format 5
}
template <class F, Is<Succeeded> T>
void fields(F& f, T& s) {
  f(1, s.at_ms);
}
template <class F, Is<Failed> T>
void fields(F& f, T& s) {
  f(1, s.at_ms);
  f(2, s.reason);
}
template <class F, Is<Cancelled> T>
void fields(F& f, T& s) {
  f(1, s.at_ms);
  f(2, s.reason);
  f(3, s.overtaken);  // since format 5
}
template <class F, Is<PoolView> T>
void fields(F& f, T& s) {
  f(1, s.agents);
  f(2, s.slots_per_agent);
}
template <class F, Is<CommitWait> T>
void fields(F& f, T& s) {
  f(1, s.job);
  f(2, s.step);
}
template <class F, Is<AgentHealth> T>
void fields(F& f, T& s) {
  f(1, s.deaths);
  f(2, s.jobs);
  f(3, s.first_ms);
  f(4, s.last_ms);
  f(5, s.last);
  f(6, s.drains);
  f(7, s.probe_ms);
  f(8, s.on_probe);
}
template <class F, Is<NewJob> T>
void fields(F& f, T& s) {
  f(1, s.job);
  f(2, s.workflow);
  f(3, s.spec);
  f(4, s.after);
  f(5, s.after_templates);
  f(6, s.after_any);     // since format 5
  f(7, s.after_commit);  // since format 6
}
template <class F, Is<NewTemplate> T>
void fields(F& f, T& s) {
  f(1, s.workflow);
  f(2, s.spec);
  f(3, s.source);
  f(4, s.after);
  f(5, s.after_templates);
}

// ---------------------------------------------------------------- facts

template <class F, Is<WorkflowTaken> T>
void fields(F& f, T& s) {
  f(1, s.workflow);
  f(2, s.token);
  f(3, s.name);
  f(4, s.workspace);
  f(5, s.jobs);
  f(6, s.templates);
}
template <class F, Is<InstanceAdded> T>
void fields(F& f, T& s) {
  f(1, s.pattern);
  f(2, s.digest);
  f(3, s.job);
}
template <class F, Is<AttemptPlaced> T>
void fields(F& f, T& s) {
  f(1, s.job);
  f(2, s.attempt);
  f(3, s.agent);
  f(4, s.launcher);  // since format 4
  f(5, s.shares);
}
template <class F, Is<AttemptRan> T>
void fields(F& f, T& s) {
  f(1, s.job);
  f(2, s.at_ms);  // since format 5
}
template <class F, Is<StopAsked> T>
void fields(F& f, T& s) {
  f(1, s.job);
  f(2, s.reason);
  f(3, s.comes_back);  // since format 5
}
template <class F, Is<KillAsked> T>
void fields(F& f, T& s) {
  f(1, s.job);
}
template <class F, Is<AttemptClosed> T>
void fields(F& f, T& s) {
  f(1, s.job);
  f(2, s.outcome);
  f(3, s.message);
  f(4, s.last_step);
  f(5, s.next);
  f(6, s.program_failures);
  f(7, s.stalled_failures);
  f(8, s.last_failed_step);
  f(9, s.asked);  // since format 6
}
template <class F, Is<JobCancelled> T>
void fields(F& f, T& s) {
  f(1, s.job);
  f(2, s.reason);
  f(3, s.overtaken);  // since format 5
}
template <class F, Is<CheckpointKnown> T>
void fields(F& f, T& s) {
  f(1, s.job);
  f(2, s.checkpoint);
  f(3, s.progress);
  f(4, s.pace);  // since format 4
}
template <class F, Is<ResultKnown> T>
void fields(F& f, T& s) {
  f(1, s.job);
  f(2, s.result);
}
template <class F, Is<ResultRepeated> T>
void fields(F& f, T& s) {
  f(1, s.key);
  f(2, s.workflow);
  f(3, s.job);  // since format 6
}
template <class F, Is<ResultConflicted> T>
void fields(F& f, T& s) {
  f(1, s.job);
  f(2, s.key);
}
template <class F, Is<NoticeAdded> T>
void fields(F& f, T& s) {
  f(1, s.job);
  f(2, s.text);
  f(3, s.drops_oldest);
}
template <class F, Is<AgentSeen> T>
void fields(F& f, T& s) {
  f(1, s.agent);
  f(2, s.incarnation);
  f(3, s.host);
  f(4, s.slots);
  f(5, s.gpus);
  f(6, s.last_sequence);
  f(7, s.place);  // since format 4
}
template <class F, Is<AgentGone> T>
void fields(F& f, T& s) {
  f(1, s.agent);
}
template <class F, Is<ReportsTaken> T>
void fields(F& f, T& s) {
  f(1, s.agent);
  f(2, s.sequence);
}
template <class F, Is<StaleDropped> T>
void fields(F& f, T& s) {
  f(1, s.messages);
}
template <class F, Is<ShutdownAsked> T>
void fields(F& f, T& s) {
  f(1, s.kill_gangs);
}
template <class F, Is<ShutdownEnded> T>
void fields(F&, T&) {}
template <class F, Is<PoolChanged> T>
void fields(F& f, T& s) {
  f(1, s.pool);
  f(2, s.view);
}
template <class F, Is<JobSet> T>
void fields(F& f, T& s) {
  f(1, s.job);
  f(2, s.priority);
  f(3, s.time_limit_s);
}
template <class F, Is<JobHeld> T>
void fields(F& f, T& s) {
  f(1, s.job);
  f(2, s.reason);
}
template <class F, Is<JobReleased> T>
void fields(F& f, T& s) {
  f(1, s.job);
}
template <class F, Is<JobRevived> T>
void fields(F& f, T& s) {
  f(1, s.job);
}
template <class F, Is<HealthSet> T>
void fields(F& f, T& s) {
  f(1, s.agent);
  f(2, s.health);
}
template <class F, Is<AttemptTimed> T>
void fields(F& f, T& s) {
  f(1, s.job);
  f(2, s.spent);
  f(3, s.longest);
}
template <class F, Is<SlotsCounted> T>
void fields(F& f, T& s) {
  f(1, s.slots);
}
template <class F, Is<Fact> T>
void fields(F& f, T& s) {
  f(1, s.at_ms);
  f(2, s.body);
}

// ---------------------------------------------------------------- the state, for snapshots

template <class F, Is<AttemptRecord> T>
void fields(F& f, T& s) {
  f(1, s.attempt);
  f(2, s.agent);
  f(3, s.started_ms);
  f(4, s.ended_ms);
  f(5, s.outcome);
  f(6, s.message);
  f(7, s.last_step);
  f(8, s.launcher);  // since format 4
  f(9, s.shares);
  f(10, s.ran);
  f(11, s.daemons);
  f(12, s.ends);
  f(13, s.ran_ms);  // since format 5
  f(14, s.asked);   // since format 6, and all below
  f(15, s.spent);
  f(16, s.longest);
}
template <class F, Is<Job> T>
void fields(F& f, T& s) {
  f(1, s.id);
  f(2, s.workflow);
  f(3, s.spec);
  f(4, s.state);
  f(5, s.submitted_ms);
  f(6, s.after);
  f(7, s.after_templates);
  f(8, s.attempt);
  f(9, s.attempts);
  f(10, s.checkpoints);
  f(11, s.program_failures);
  f(12, s.stalled_failures);
  f(13, s.last_failed_step);
  f(14, s.notices);
  f(15, s.pace);       // since format 4
  f(16, s.after_any);  // since format 5, and all below
  f(17, s.priority);
  f(18, s.time_limit_s);
  f(19, s.held);
  f(20, s.after_commit);  // since format 6
  f(21, s.seated);
}
template <class F, Is<Template> T>
void fields(F& f, T& s) {
  f(1, s.workflow);
  f(2, s.spec);
  f(3, s.source);
  f(4, s.after);
  f(5, s.after_templates);
  f(6, s.instantiated);
  f(7, s.instances);
}
template <class F, Is<Workflow> T>
void fields(F& f, T& s) {
  f(1, s.id);
  f(2, s.token);
  f(3, s.name);
  f(4, s.workspace);
  f(5, s.submitted_ms);
}
template <class F, Is<Agent> T>
void fields(F& f, T& s) {
  f(1, s.id);
  f(2, s.incarnation);
  f(3, s.host);
  f(4, s.slots);
  f(5, s.gpus);
  f(6, s.connected);
  f(7, s.last_sequence);
  f(8, s.place);  // since format 4
}
template <class F, Is<ResultEntry> T>
void fields(F& f, T& s) {
  f(1, s.job);
  f(2, s.result);
  f(3, s.at_ms);
  f(4, s.workflows);
  f(5, s.repeats);  // since format 6
}
template <class F, Is<Stopping> T>
void fields(F& f, T& s) {
  f(1, s.since_ms);
  f(2, s.kill_gangs);
}
template <class F, Is<Capacity> T>
void fields(F& f, T& s) {
  f(1, s.since_ms);
  f(2, s.slots);
  f(3, s.slot_ms);
}
/// Without the index, which is derived.
template <class F, Is<State> T>
void fields(F& f, T& s) {
  f(1, s.workflows);
  f(2, s.jobs);
  f(3, s.templates);
  f(4, s.agents);
  f(5, s.results);
  f(6, s.pools);
  f(7, s.stopping);
  f(8, s.dropped_stale);
  f(9, s.now_ms);
  f(10, s.conflicting_results);
  f(11, s.pool_records);  // since format 4
  f(12, s.tokens_given);
  f(13, s.health);  // since format 6, and below
  f(14, s.capacity);
}

}  // namespace core
}  // namespace tagalign
