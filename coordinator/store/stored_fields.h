/// The one field list of everything that is stored. Numbers ascend, are never reused and never
/// change their meaning; a new field takes the next number of its struct and raises kFactFormat.
///
/// Independent of the wire: what messages.h gains or loses is stored only once it is listed
/// here. Private to coordinator/store.
#pragma once

#include "coordinator/core/facts.h"
#include "coordinator/store/stored_archive_fields.h"
#include "coordinator/store/stored_gang_fields.h"
#include "coordinator/store/stored_job_fields.h"
#include "coordinator/store/stored_pool_fields.h"
#include "coordinator/store/tagged.h"

namespace tagalign {

namespace core {

// ---------------------------------------------------------------- parts of facts and state

template <class F, Is<Queued> T>
void fields(F& f, T& s) {
  f(1, "since_ms", s.since_ms);
  f(2, "not_before_ms", s.not_before_ms);
}
template <class F, Is<Starting> T>
void fields(F& f, T& s) {
  f(1, "agent", s.agent);
  f(2, "since_ms", s.since_ms);
}
template <class F, Is<Running> T>
void fields(F& f, T& s) {
  f(1, "agent", s.agent);
  f(2, "since_ms", s.since_ms);
}
template <class F, Is<Saving> T>
void fields(F& f, T& s) {
  f(1, "agent", s.agent);
  f(2, "since_ms", s.since_ms);
  f(3, "reason", s.reason);
  f(4, "kill_asked", s.kill_asked);
  f(5, "started", s.started);
  f(6, "comes_back", s.comes_back);  // since format 5
}
template <class F, Is<Succeeded> T>
void fields(F& f, T& s) {
  f(1, "at_ms", s.at_ms);
}
template <class F, Is<Failed> T>
void fields(F& f, T& s) {
  f(1, "at_ms", s.at_ms);
  f(2, "reason", s.reason);
}
template <class F, Is<Cancelled> T>
void fields(F& f, T& s) {
  f(1, "at_ms", s.at_ms);
  f(2, "reason", s.reason);
  f(3, "overtaken", s.overtaken);  // since format 5
}
template <class F, Is<PoolView> T>
void fields(F& f, T& s) {
  f(1, "agents", s.agents);
  f(2, "slots_per_agent", s.slots_per_agent);
}
template <class F, Is<CommitWait> T>
void fields(F& f, T& s) {
  f(1, "job", s.job);
  f(2, "step", s.step);
}
template <class F, Is<AgentHealth> T>
void fields(F& f, T& s) {
  f(1, "deaths", s.deaths);
  f(2, "jobs", s.jobs);
  f(3, "first_ms", s.first_ms);
  f(4, "last_ms", s.last_ms);
  f(5, "last", s.last);
  f(6, "drains", s.drains);
  f(7, "probe_ms", s.probe_ms);
  f(8, "on_probe", s.on_probe);
}
template <class F, Is<NewJob> T>
void fields(F& f, T& s) {
  f(1, "job", s.job);
  f(2, "workflow", s.workflow);
  f(3, "spec", s.spec);
  f(4, "after", s.after);
  f(5, "after_templates", s.after_templates);
  f(6, "after_any", s.after_any);        // since format 5
  f(7, "after_commit", s.after_commit);  // since format 6
}
template <class F, Is<NewTemplate> T>
void fields(F& f, T& s) {
  f(1, "workflow", s.workflow);
  f(2, "spec", s.spec);
  f(3, "source", s.source);
  f(4, "after", s.after);
  f(5, "after_templates", s.after_templates);
}

// ---------------------------------------------------------------- facts

template <class F, Is<WorkflowTaken> T>
void fields(F& f, T& s) {
  f(1, "workflow", s.workflow);
  f(2, "token", s.token);
  f(3, "name", s.name);
  f(4, "workspace", s.workspace);
  f(5, "jobs", s.jobs);
  f(6, "templates", s.templates);
}
template <class F, Is<InstanceAdded> T>
void fields(F& f, T& s) {
  f(1, "pattern", s.pattern);
  f(2, "digest", s.digest);
  f(3, "job", s.job);
}
template <class F, Is<AttemptPlaced> T>
void fields(F& f, T& s) {
  f(1, "job", s.job);
  f(2, "attempt", s.attempt);
  f(3, "agent", s.agent);
  f(4, "launcher", s.launcher);  // since format 4
  f(5, "shares", s.shares);
}
template <class F, Is<AttemptRan> T>
void fields(F& f, T& s) {
  f(1, "job", s.job);
  f(2, "at_ms", s.at_ms);  // since format 5
}
template <class F, Is<StopAsked> T>
void fields(F& f, T& s) {
  f(1, "job", s.job);
  f(2, "reason", s.reason);
  f(3, "comes_back", s.comes_back);  // since format 5
}
template <class F, Is<KillAsked> T>
void fields(F& f, T& s) {
  f(1, "job", s.job);
}
template <class F, Is<AttemptClosed> T>
void fields(F& f, T& s) {
  f(1, "job", s.job);
  f(2, "outcome", s.outcome);
  f(3, "message", s.message);
  f(4, "last_step", s.last_step);
  f(5, "next", s.next);
  f(6, "program_failures", s.program_failures);
  f(7, "stalled_failures", s.stalled_failures);
  f(8, "last_failed_step", s.last_failed_step);
  f(9, "asked", s.asked);  // since format 6
}
template <class F, Is<JobCancelled> T>
void fields(F& f, T& s) {
  f(1, "job", s.job);
  f(2, "reason", s.reason);
  f(3, "overtaken", s.overtaken);  // since format 5
}
template <class F, Is<CheckpointKnown> T>
void fields(F& f, T& s) {
  f(1, "job", s.job);
  f(2, "checkpoint", s.checkpoint);
  f(3, "progress", s.progress);
  f(4, "pace", s.pace);  // since format 4
}
template <class F, Is<ResultKnown> T>
void fields(F& f, T& s) {
  f(1, "job", s.job);
  f(2, "result", s.result);
}
template <class F, Is<ResultRepeated> T>
void fields(F& f, T& s) {
  f(1, "key", s.key);
  f(2, "workflow", s.workflow);
  f(3, "job", s.job);  // since format 6
}
template <class F, Is<ResultConflicted> T>
void fields(F& f, T& s) {
  f(1, "job", s.job);
  f(2, "key", s.key);
}
template <class F, Is<NoticeAdded> T>
void fields(F& f, T& s) {
  f(1, "job", s.job);
  f(2, "text", s.text);
  f(3, "drops_oldest", s.drops_oldest);
}
template <class F, Is<AgentSeen> T>
void fields(F& f, T& s) {
  f(1, "agent", s.agent);
  f(2, "incarnation", s.incarnation);
  f(3, "host", s.host);
  f(4, "slots", s.slots);
  f(5, "gpus", s.gpus);
  f(6, "last_sequence", s.last_sequence);
  f(7, "place", s.place);  // since format 4
}
template <class F, Is<AgentGone> T>
void fields(F& f, T& s) {
  f(1, "agent", s.agent);
}
template <class F, Is<ReportsTaken> T>
void fields(F& f, T& s) {
  f(1, "agent", s.agent);
  f(2, "sequence", s.sequence);
}
template <class F, Is<StaleDropped> T>
void fields(F& f, T& s) {
  f(1, "messages", s.messages);
}
template <class F, Is<ShutdownAsked> T>
void fields(F& f, T& s) {
  f(1, "kill_gangs", s.kill_gangs);
}
template <class F, Is<ShutdownEnded> T>
void fields(F&, T&) {}
template <class F, Is<PoolChanged> T>
void fields(F& f, T& s) {
  f(1, "pool", s.pool);
  f(2, "view", s.view);
}
template <class F, Is<JobSet> T>
void fields(F& f, T& s) {
  f(1, "job", s.job);
  f(2, "priority", s.priority);
  f(3, "time_limit_s", s.time_limit_s);
}
template <class F, Is<JobHeld> T>
void fields(F& f, T& s) {
  f(1, "job", s.job);
  f(2, "reason", s.reason);
}
template <class F, Is<JobReleased> T>
void fields(F& f, T& s) {
  f(1, "job", s.job);
}
template <class F, Is<JobRevived> T>
void fields(F& f, T& s) {
  f(1, "job", s.job);
}
template <class F, Is<HealthSet> T>
void fields(F& f, T& s) {
  f(1, "agent", s.agent);
  f(2, "health", s.health);
}
template <class F, Is<AttemptTimed> T>
void fields(F& f, T& s) {
  f(1, "job", s.job);
  f(2, "spent", s.spent);
  f(3, "longest", s.longest);
}
template <class F, Is<SlotsCounted> T>
void fields(F& f, T& s) {
  f(1, "slots", s.slots);
}
template <class F, Is<Fact> T>
void fields(F& f, T& s) {
  f(1, "at_ms", s.at_ms);
  f(2, "body", s.body);
}

// ---------------------------------------------------------------- the state, for snapshots

template <class F, Is<AttemptRecord> T>
void fields(F& f, T& s) {
  f(1, "attempt", s.attempt);
  f(2, "agent", s.agent);
  f(3, "started_ms", s.started_ms);
  f(4, "ended_ms", s.ended_ms);
  f(5, "outcome", s.outcome);
  f(6, "message", s.message);
  f(7, "last_step", s.last_step);
  f(8, "launcher", s.launcher);  // since format 4
  f(9, "shares", s.shares);
  f(10, "ran", s.ran);
  f(11, "daemons", s.daemons);
  f(12, "ends", s.ends);
  f(13, "ran_ms", s.ran_ms);  // since format 5
  f(14, "asked", s.asked);    // since format 6, and all below
  f(15, "spent", s.spent);
  f(16, "longest", s.longest);
}
template <class F, Is<Job> T>
void fields(F& f, T& s) {
  f(1, "id", s.id);
  f(2, "workflow", s.workflow);
  f(3, "spec", s.spec);
  f(4, "state", s.state);
  f(5, "submitted_ms", s.submitted_ms);
  f(6, "after", s.after);
  f(7, "after_templates", s.after_templates);
  f(8, "attempt", s.attempt);
  f(9, "attempts", s.attempts);
  f(10, "checkpoints", s.checkpoints);
  f(11, "program_failures", s.program_failures);
  f(12, "stalled_failures", s.stalled_failures);
  f(13, "last_failed_step", s.last_failed_step);
  f(14, "notices", s.notices);
  f(15, "pace", s.pace);            // since format 4
  f(16, "after_any", s.after_any);  // since format 5, and all below
  f(17, "priority", s.priority);
  f(18, "time_limit_s", s.time_limit_s);
  f(19, "held", s.held);
  f(20, "after_commit", s.after_commit);  // since format 6
  f(21, "seated", s.seated);
}
template <class F, Is<Template> T>
void fields(F& f, T& s) {
  f(1, "workflow", s.workflow);
  f(2, "spec", s.spec);
  f(3, "source", s.source);
  f(4, "after", s.after);
  f(5, "after_templates", s.after_templates);
  f(6, "instantiated", s.instantiated);
  f(7, "instances", s.instances);
}
template <class F, Is<Workflow> T>
void fields(F& f, T& s) {
  f(1, "id", s.id);
  f(2, "token", s.token);
  f(3, "name", s.name);
  f(4, "workspace", s.workspace);
  f(5, "submitted_ms", s.submitted_ms);
}
template <class F, Is<Agent> T>
void fields(F& f, T& s) {
  f(1, "id", s.id);
  f(2, "incarnation", s.incarnation);
  f(3, "host", s.host);
  f(4, "slots", s.slots);
  f(5, "gpus", s.gpus);
  f(6, "connected", s.connected);
  f(7, "last_sequence", s.last_sequence);
  f(8, "place", s.place);  // since format 4
}
template <class F, Is<ResultEntry> T>
void fields(F& f, T& s) {
  f(1, "job", s.job);
  f(2, "result", s.result);
  f(3, "at_ms", s.at_ms);
  f(4, "workflows", s.workflows);
  f(5, "repeats", s.repeats);  // since format 6
}
template <class F, Is<Stopping> T>
void fields(F& f, T& s) {
  f(1, "since_ms", s.since_ms);
  f(2, "kill_gangs", s.kill_gangs);
}
template <class F, Is<Capacity> T>
void fields(F& f, T& s) {
  f(1, "since_ms", s.since_ms);
  f(2, "slots", s.slots);
  f(3, "slot_ms", s.slot_ms);
}
/// Without the index, which is derived.
template <class F, Is<State> T>
void fields(F& f, T& s) {
  f(1, "workflows", s.workflows);
  f(2, "jobs", s.jobs);
  f(3, "templates", s.templates);
  f(4, "agents", s.agents);
  f(5, "results", s.results);
  f(6, "pools", s.pools);
  f(7, "stopping", s.stopping);
  f(8, "dropped_stale", s.dropped_stale);
  f(9, "now_ms", s.now_ms);
  f(10, "conflicting_results", s.conflicting_results);
  f(11, "pool_records", s.pool_records);  // since format 4
  f(12, "tokens_given", s.tokens_given);
  f(13, "health", s.health);  // since format 6, and below
  f(14, "capacity", s.capacity);
  f(15, "archive", s.archive);
}

}  // namespace core
}  // namespace tagalign
