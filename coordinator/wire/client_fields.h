/// The one list of the fields of each struct of client_messages.h, as in fields.h.
#pragma once

#include "coordinator/wire/client_messages.h"
#include "coordinator/wire/fields.h"
#include "coordinator/wire/pool_fields.h"

namespace tagalign::wire {

template <class V, Is<SubmitRequest> M>
void visit_fields(V&& visit, M& m) {
  visit("token", m.token);
  visit("workflow", m.workflow);
}

template <class V, Is<JobRef> M>
void visit_fields(V&& visit, M& m) {
  visit("text", m.text);
}

template <class V, Is<JobsRequest> M>
void visit_fields(V&& visit, M& m) {
  visit("workflow", m.workflow);
  visit("name", m.name);
  visit("jobs", m.jobs);
  visit("active_only", m.active_only);
  visit("after", m.after);
  visit("limit", m.limit);
}

template <class V, Is<JobRequest> M>
void visit_fields(V&& visit, M& m) {
  visit("job", m.job);
}

template <class V, Is<JobLogRequest> M>
void visit_fields(V&& visit, M& m) {
  visit("job", m.job);
  visit("attempt", m.attempt);
  visit("rank", m.rank);
  visit("tail_bytes", m.tail_bytes);
}

template <class V, Is<ExplainRequest> M>
void visit_fields(V&& visit, M& m) {
  visit("job", m.job);
}

template <class V, Is<CancelRequest> M>
void visit_fields(V&& visit, M& m) {
  visit("job", m.job);
}

template <class V, Is<JobsChangeRequest> M>
void visit_fields(V&& visit, M& m) {
  visit("selectors", m.selectors);
  visit("verb", m.verb);
  visit("reason", m.reason);
  visit("priority", m.priority);
  visit("time_limit_s", m.time_limit_s);
}

template <class V, Is<CheckpointsRequest> M>
void visit_fields(V&& visit, M& m) {
  visit("job", m.job);
}

template <class V, Is<ResultsRequest> M>
void visit_fields(V&& visit, M& m) {
  visit("name", m.name);
}

template <class V, Is<StatusRequest> M>
void visit_fields(V&&, M&) {}

template <class V, Is<StopRequest> M>
void visit_fields(V&& visit, M& m) {
  visit("kill_gangs", m.kill_gangs);
}

template <class V, Is<SubmitReply> M>
void visit_fields(V&& visit, M& m) {
  visit("workflow", m.workflow);
  visit("jobs", m.jobs);
  visit("notices", m.notices);
}

template <class V, Is<JobSummary> M>
void visit_fields(V&& visit, M& m) {
  visit("id", m.id);
  visit("workflow", m.workflow);
  visit("workflow_name", m.workflow_name);
  visit("name", m.name);
  visit("kind", m.kind);
  visit("state", m.state);
  visit("reason", m.reason);
  visit("terminal", m.terminal);
  visit("ranks", m.ranks);
  visit("slots", m.slots);
  visit("attempt", m.attempt);
  visit("step", m.step);
  visit("steps_total", m.steps_total);
  visit("activity", m.activity);
  visit("agent", m.agent);
  visit("priority", m.priority);
  visit("time_limit_s", m.time_limit_s);
  visit("held", m.held);
  visit("submitted_ms", m.submitted_ms);
  visit("started_ms", m.started_ms);
  visit("ended_ms", m.ended_ms);
}

template <class V, Is<AttemptSummary> M>
void visit_fields(V&& visit, M& m) {
  visit("attempt", m.attempt);
  visit("agent", m.agent);
  visit("started_ms", m.started_ms);
  visit("ended_ms", m.ended_ms);
  visit("outcome", m.outcome);
  visit("message", m.message);
  visit("rank_pids", m.rank_pids);
  visit("launcher", m.launcher);
  visit("shares", m.shares);
}

template <class V, Is<JobsReply> M>
void visit_fields(V&& visit, M& m) {
  visit("jobs", m.jobs);
  visit("ended_left_out", m.ended_left_out);
  visit("more", m.more);
}

template <class V, Is<GoodputRow> M>
void visit_fields(V&& visit, M& m) {
  visit("job", m.job);
  visit("workflow", m.workflow);
  visit("name", m.name);
  visit("kind", m.kind);
  visit("state", m.state);
  visit("attempts", m.attempts);
  visit("waited", m.waited);
  visit("starting", m.starting);
  visit("loading", m.loading);
  visit("training", m.training);
  visit("evaluating", m.evaluating);
  visit("saving", m.saving);
  visit("untold", m.untold);
  visit("lost", m.lost);
  visit("hung", m.hung);
}

template <class V, Is<JobReply> M>
void visit_fields(V&& visit, M& m) {
  visit("summary", m.summary);
  visit("workspace", m.workspace);
  visit("after", m.after);
  visit("on_commit_of", m.on_commit_of);
  visit("config_yaml", m.config_yaml);
  visit("overrides", m.overrides);
  visit("attempts", m.attempts);
  visit("checkpoints", m.checkpoints);
  visit("notices", m.notices);
  visit("slot_time", m.slot_time);
}

template <class V, Is<JobLogReply> M>
void visit_fields(V&& visit, M& m) {
  visit("files", m.files);
}

template <class V, Is<ExplainReply> M>
void visit_fields(V&& visit, M& m) {
  visit("lines", m.lines);
}

template <class V, Is<CancelReply> M>
void visit_fields(V&& visit, M& m) {
  visit("job", m.job);
  visit("name", m.name);
  visit("state", m.state);
}

template <class V, Is<GoodputRequest> M>
void visit_fields(V&& visit, M& m) {
  visit("name", m.name);
}

template <class V, Is<GoodputReply> M>
void visit_fields(V&& visit, M& m) {
  visit("rows", m.rows);
  visit("idle", m.idle);
}

template <class V, Is<ChangedJob> M>
void visit_fields(V&& visit, M& m) {
  visit("job", m.job);
  visit("workflow", m.workflow);
  visit("name", m.name);
  visit("state", m.state);
  visit("effect", m.effect);
}

template <class V, Is<JobsChangeReply> M>
void visit_fields(V&& visit, M& m) {
  visit("jobs", m.jobs);
}

template <class V, Is<CheckpointRow> M>
void visit_fields(V&& visit, M& m) {
  visit("job", m.job);
  visit("job_name", m.job_name);
  visit("checkpoint", m.checkpoint);
  visit("at_ms", m.at_ms);
}

template <class V, Is<CheckpointsReply> M>
void visit_fields(V&& visit, M& m) {
  visit("rows", m.rows);
}

template <class V, Is<ResultRow> M>
void visit_fields(V&& visit, M& m) {
  visit("job", m.job);
  visit("result", m.result);
  visit("at_ms", m.at_ms);
}

template <class V, Is<ResultsReply> M>
void visit_fields(V&& visit, M& m) {
  visit("rows", m.rows);
  visit("slot_time", m.slot_time);
}

template <class V, Is<AgentSummary> M>
void visit_fields(V&& visit, M& m) {
  visit("id", m.id);
  visit("host", m.host);
  visit("connected", m.connected);
  visit("slots", m.slots);
  visit("slots_free", m.slots_free);
  visit("gpus", m.gpus);
  visit("pid", m.pid);
  visit("node", m.node);
  visit("pool", m.pool);
  visit("allocation", m.allocation);
  visit("since_ms", m.since_ms);
  visit("ends_ms", m.ends_ms);
  visit("state", m.state);
  visit("running", m.running);
  visit("note", m.note);
}

template <class V, Is<StatusReply> M>
void visit_fields(V&& visit, M& m) {
  visit("version", m.version);
  visit("pid", m.pid);
  visit("state_folder", m.state_folder);
  visit("endpoint", m.endpoint);
  visit("started_ms", m.started_ms);
  visit("events", m.events);
  visit("agents", m.agents);
  visit("jobs_by_state", m.jobs_by_state);
}

template <class V, Is<StopReply> M>
void visit_fields(V&& visit, M& m) {
  visit("message", m.message);
}

template <class V, Is<ErrorReply> M>
void visit_fields(V&& visit, M& m) {
  visit("code", m.code);
  visit("message", m.message);
}

}  // namespace tagalign::wire
