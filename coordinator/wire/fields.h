/// The one list of the fields of each message struct: visit_fields(visit, message) calls
/// visit(name, field) for every field in the order of the wire.
///
/// Order and types are the format (format.md); a change of either is a new protocol version. The
/// names are those of JSON. Here: jobs, ranks and agents; client_fields.h has the command line's.
/// A field that is missing here fails codec_test.cpp.
#pragma once

#include <concepts>
#include <type_traits>

#include "coordinator/wire/messages.h"

namespace tagalign::wire {

/// M is T or const T.
template <class M, class T>
concept Is = std::same_as<std::remove_const_t<M>, T>;

template <class V, Is<PhaseTimes> M>
void visit_fields(V&& visit, M& m) {
  visit("start", m.start);
  visit("load", m.load);
  visit("first_step", m.first_step);
  visit("step", m.step);
  visit("save", m.save);
  visit("image", m.image);
  visit("wait", m.wait);
  visit("hang", m.hang);
}

template <class V, Is<Patience> M>
void visit_fields(V&& visit, M& m) {
  visit("set", m.set);
  visit("usual", m.usual);
  visit("doublings", m.doublings);
}

template <class V, Is<CommitNeed> M>
void visit_fields(V&& visit, M& m) {
  visit("job", m.job);
  visit("step", m.step);
}

template <class V, Is<JobSpec> M>
void visit_fields(V&& visit, M& m) {
  visit("name", m.name);
  visit("kind", m.kind);
  visit("ranks", m.ranks);
  visit("slots_per_rank", m.slots_per_rank);
  visit("after", m.after);
  visit("on_commit_of", m.on_commit_of);
  visit("retries_max", m.retries_max);
  visit("config_yaml", m.config_yaml);
  visit("overrides", m.overrides);
  visit("ranks_per_node", m.ranks_per_node);
  visit("nodes_max", m.nodes_max);
  visit("pool", m.pool);
  visit("priority", m.priority);
  visit("time_limit_s", m.time_limit_s);
  visit("after_any", m.after_any);
  visit("commits_every", m.commits_every);
  visit("last_commit", m.last_commit);
  visit("newest_only", m.newest_only);
  visit("after_commit", m.after_commit);
  visit("best_of", m.best_of);
  visit("best_dataset", m.best_dataset);
  visit("group", m.group);
  visit("group_live_max", m.group_live_max);
  visit("deadlines", m.deadlines);
}

template <class V, Is<Share> M>
void visit_fields(V&& visit, M& m) {
  visit("agent", m.agent);
  visit("first_rank", m.first_rank);
  visit("slots", m.slots);
}

template <class V, Is<WorkflowSpec> M>
void visit_fields(V&& visit, M& m) {
  visit("name", m.name);
  visit("workspace", m.workspace);
  visit("jobs", m.jobs);
}

template <class V, Is<CheckpointInfo> M>
void visit_fields(V&& visit, M& m) {
  visit("step", m.step);
  visit("path", m.path);
  visit("digest", m.digest);
  visit("scheduled", m.scheduled);
}

template <class V, Is<Setting> M>
void visit_fields(V&& visit, M& m) {
  visit("subject", m.subject);
  visit("value", m.value);
  visit("of_method", m.of_method);
}

template <class V, Is<EvaluationResult> M>
void visit_fields(V&& visit, M& m) {
  visit("key", m.key);
  visit("method", m.method);
  visit("step", m.step);
  visit("dataset", m.dataset);
  visit("dataset_digest", m.dataset_digest);
  visit("weights_digest", m.weights_digest);
  visit("protocol", m.protocol);
  visit("code_version", m.code_version);
  visit("images", m.images);
  visit("classes", m.classes);
  visit("intersect", m.intersect);
  visit("union", m.union_);
  visit("predicted", m.predicted);
  visit("labelled", m.labelled);
  visit("average_precision", m.average_precision);
}

template <class V, Is<RankHello> M>
void visit_fields(V&& visit, M& m) {
  visit("job", m.job);
  visit("attempt", m.attempt);
  visit("rank", m.rank);
  visit("pid", m.pid);
  visit("device", m.device);
}

template <class V, Is<RankBeat> M>
void visit_fields(V&& visit, M& m) {
  visit("job", m.job);
  visit("attempt", m.attempt);
  visit("rank", m.rank);
  visit("step", m.step);
  visit("steps_total", m.steps_total);
  visit("activity", m.activity);
  visit("phase", m.phase);
  visit("moves", m.moves);
  visit("collectives", m.collectives);
  visit("collective", m.collective);
  visit("reading", m.reading);
}

template <class V, Is<Pace> M>
void visit_fields(V&& visit, M& m) {
  visit("start_ms", m.start_ms);
  visit("step_ms", m.step_ms);
  visit("save_ms", m.save_ms);
  visit("steps_total", m.steps_total);
}

template <class V, Is<CheckpointCommitted> M>
void visit_fields(V&& visit, M& m) {
  visit("job", m.job);
  visit("attempt", m.attempt);
  visit("checkpoint", m.checkpoint);
  visit("pace", m.pace);
}

template <class V, Is<ResultReported> M>
void visit_fields(V&& visit, M& m) {
  visit("job", m.job);
  visit("attempt", m.attempt);
  visit("result", m.result);
}

template <class V, Is<RankNotice> M>
void visit_fields(V&& visit, M& m) {
  visit("job", m.job);
  visit("attempt", m.attempt);
  visit("rank", m.rank);
  visit("text", m.text);
}

template <class V, Is<RankFarewell> M>
void visit_fields(V&& visit, M& m) {
  visit("job", m.job);
  visit("attempt", m.attempt);
  visit("rank", m.rank);
  visit("code", m.code);
  visit("reason", m.reason);
  visit("step", m.step);
}

template <class V, Is<DaemonWanted> M>
void visit_fields(V&& visit, M& m) {
  visit("job", m.job);
  visit("attempt", m.attempt);
  visit("agent", m.agent);
  visit("command", m.command);
}

template <class V, Is<SaveAndLeave> M>
void visit_fields(V&& visit, M& m) {
  visit("reason", m.reason);
}

template <class V, Is<RankAck> M>
void visit_fields(V&& visit, M& m) {
  visit("messages", m.messages);
}

template <class V, Is<AgentBeat> M>
void visit_fields(V&&, M&) {}

template <class V, Is<ShowStacks> M>
void visit_fields(V&&, M&) {}

template <class V, Is<AttemptStarted> M>
void visit_fields(V&& visit, M& m) {
  visit("job", m.job);
  visit("attempt", m.attempt);
  visit("launcher_pid", m.launcher_pid);
  visit("at_ms", m.at_ms);
}

template <class V, Is<AttemptEnded> M>
void visit_fields(V&& visit, M& m) {
  visit("job", m.job);
  visit("attempt", m.attempt);
  visit("outcome", m.outcome);
  visit("exit_code", m.exit_code);
  visit("failed_rank", m.failed_rank);
  visit("last_step", m.last_step);
  visit("message", m.message);
  visit("at_ms", m.at_ms);
}

template <class V, Is<AttemptSpent> M>
void visit_fields(V&& visit, M& m) {
  visit("job", m.job);
  visit("attempt", m.attempt);
  visit("spent", m.spent);
  visit("longest", m.longest);
}

template <class V, Is<SequencedEvent> M>
void visit_fields(V&& visit, M& m) {
  visit("sequence", m.sequence);
  visit("event", m.event);
}

template <class V, Is<AgentPlace> M>
void visit_fields(V&& visit, M& m) {
  visit("pool", m.pool);
  visit("allocation", m.allocation);
  visit("node", m.node);
  visit("ends_ms", m.ends_ms);
  visit("socket", m.socket);
  visit("launcher", m.launcher);
  visit("since_ms", m.since_ms);
}

template <class V, Is<AgentHello> M>
void visit_fields(V&& visit, M& m) {
  visit("agent", m.agent);
  visit("incarnation", m.incarnation);
  visit("host", m.host);
  visit("slots", m.slots);
  visit("gpus", m.gpus);
  visit("pid", m.pid);
  visit("known_attempts", m.known_attempts);
  visit("first_unacknowledged", m.first_unacknowledged);
  visit("place", m.place);
}

template <class V, Is<AgentEvents> M>
void visit_fields(V&& visit, M& m) {
  visit("agent", m.agent);
  visit("events", m.events);
}

template <class V, Is<AgentHeartbeat> M>
void visit_fields(V&& visit, M& m) {
  visit("agent", m.agent);
  visit("ranks", m.ranks);
  visit("beats", m.beats);
}

template <class V, Is<Launch> M>
void visit_fields(V&& visit, M& m) {
  visit("job", m.job);
  visit("attempt", m.attempt);
  visit("job_name", m.job_name);
  visit("kind", m.kind);
  visit("ranks", m.ranks);
  visit("slots_per_rank", m.slots_per_rank);
  visit("workspace", m.workspace);
  visit("config_yaml", m.config_yaml);
  visit("overrides", m.overrides);
  visit("launcher", m.launcher);
  visit("shares", m.shares);
  visit("places", m.places);
  visit("patience", m.patience);
}

template <class V, Is<StartDaemon> M>
void visit_fields(V&& visit, M& m) {
  visit("job", m.job);
  visit("attempt", m.attempt);
  visit("command", m.command);
}

template <class V, Is<StopAttempt> M>
void visit_fields(V&& visit, M& m) {
  visit("job", m.job);
  visit("attempt", m.attempt);
  visit("mode", m.mode);
  visit("reason", m.reason);
}

template <class V, Is<AckEvents> M>
void visit_fields(V&& visit, M& m) {
  visit("sequence", m.sequence);
}

template <class V, Is<AgentShutdown> M>
void visit_fields(V&& visit, M& m) {
  visit("reason", m.reason);
  visit("grace_ms", m.grace_ms);
}

template <class V, Is<SayHello> M>
void visit_fields(V&&, M&) {}

}  // namespace tagalign::wire
