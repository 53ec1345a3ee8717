/// What is written of each message struct: cereal's serialize() for everything in messages.h.
///
/// Order and types of the fields are the format (format.md); a change of either is a new protocol
/// version. Works with any archive; wire_archive.h holds the ones that the wire and the store use.
/// Only codec.cpp and coordinator/store include this file.
#pragma once

#include "base/ids.h"
#include "coordinator/protocol/messages.h"
#include "coordinator/protocol/wire_archive.h"

namespace tagalign {

template <class Archive, class Tag, class Rep>
void serialize(Archive& archive, StrongId<Tag, Rep>& id) {
  archive(id.value);
}

}  // namespace tagalign

namespace tagalign::protocol {

/// Numbers of the first and last enumerator; all between are known.
template <class Enum>
struct EnumRange;
template <>
struct EnumRange<JobKind> {
  static constexpr JobKind first = JobKind::kPrepare, last = JobKind::kEvaluate;
};
template <>
struct EnumRange<Outcome> {
  static constexpr Outcome first = Outcome::kSucceeded, last = Outcome::kLaunchFailed;
};
template <>
struct EnumRange<StopMode> {
  static constexpr StopMode first = StopMode::kSaveAndLeave, last = StopMode::kKill;
};
template <class Enum>
concept RangedEnum = requires {
  EnumRange<Enum>::first;
};

template <RangedEnum Enum>
void save(WireWriter& out, const Enum& value) {
  out(static_cast<std::underlying_type_t<Enum>>(value));
}
/// Refuses numbers that name no enumerator.
template <RangedEnum Enum>
void load(WireReader& in, Enum& value) {
  std::underlying_type_t<Enum> number{};
  in(number);
  value = static_cast<Enum>(number);
  if (value < EnumRange<Enum>::first || value > EnumRange<Enum>::last) {
    throw cereal::Exception(format("{} names no known kind", number));
  }
}

template <class Archive>
void serialize(Archive& archive, JobSpec& m) {
  archive(m.name, m.kind, m.ranks, m.slots_per_rank, m.after, m.on_commit_of, m.retries_max,
          m.config_yaml, m.overrides);
}

template <class Archive>
void serialize(Archive& archive, WorkflowSpec& m) {
  archive(m.name, m.workspace, m.jobs);
}

template <class Archive>
void serialize(Archive& archive, CheckpointInfo& m) {
  archive(m.step, m.path, m.digest, m.scheduled);
}

template <class Archive>
void serialize(Archive& archive, Setting& m) {
  archive(m.subject, m.value, m.of_method);
}

template <class Archive>
void serialize(Archive& archive, EvaluationResult& m) {
  archive(m.key, m.method, m.step, m.dataset, m.dataset_digest, m.weights_digest, m.protocol,
          m.code_version, m.images, m.classes, m.intersect, m.union_, m.predicted, m.labelled);
}

template <class Archive>
void serialize(Archive& archive, RankHello& m) {
  archive(m.job, m.attempt, m.rank, m.pid, m.device);
}

template <class Archive>
void serialize(Archive& archive, RankBeat& m) {
  archive(m.job, m.attempt, m.rank, m.step, m.steps_total, m.activity);
}

template <class Archive>
void serialize(Archive& archive, CheckpointCommitted& m) {
  archive(m.job, m.attempt, m.checkpoint);
}

template <class Archive>
void serialize(Archive& archive, ResultReported& m) {
  archive(m.job, m.attempt, m.result);
}

template <class Archive>
void serialize(Archive& archive, RankNotice& m) {
  archive(m.job, m.attempt, m.rank, m.text);
}

template <class Archive>
void serialize(Archive& archive, RankFarewell& m) {
  archive(m.job, m.attempt, m.rank, m.code, m.reason, m.step);
}

template <class Archive>
void serialize(Archive& archive, SaveAndLeave& m) {
  archive(m.reason);
}

template <class Archive>
void serialize(Archive& archive, RankAck& m) {
  archive(m.messages);
}

template <class Archive>
void serialize(Archive& archive, AttemptStarted& m) {
  archive(m.job, m.attempt, m.launcher_pid, m.at_ms);
}

template <class Archive>
void serialize(Archive& archive, AttemptEnded& m) {
  archive(m.job, m.attempt, m.outcome, m.exit_code, m.failed_rank, m.last_step, m.message, m.at_ms);
}

template <class Archive>
void serialize(Archive& archive, SequencedEvent& m) {
  archive(m.sequence, m.event);
}

template <class Archive>
void serialize(Archive& archive, AgentHello& m) {
  archive(m.agent, m.incarnation, m.host, m.slots, m.gpus, m.pid, m.known_attempts,
          m.first_unacknowledged);
}

template <class Archive>
void serialize(Archive& archive, AgentEvents& m) {
  archive(m.agent, m.events);
}

template <class Archive>
void serialize(Archive& archive, AgentHeartbeat& m) {
  archive(m.agent, m.ranks, m.beats);
}

template <class Archive>
void serialize(Archive& archive, Launch& m) {
  archive(m.job, m.attempt, m.job_name, m.kind, m.ranks, m.slots_per_rank, m.workspace,
          m.config_yaml, m.overrides);
}

template <class Archive>
void serialize(Archive& archive, StopAttempt& m) {
  archive(m.job, m.attempt, m.mode, m.reason);
}

template <class Archive>
void serialize(Archive& archive, AckEvents& m) {
  archive(m.sequence);
}

template <class Archive>
void serialize(Archive& archive, AgentShutdown& m) {
  archive(m.reason);
}

template <class Archive>
void serialize(Archive&, SayHello&) {}

template <class Archive>
void serialize(Archive& archive, SubmitRequest& m) {
  archive(m.token, m.workflow);
}

template <class Archive>
void serialize(Archive& archive, JobsRequest& m) {
  archive(m.workflow);
}

template <class Archive>
void serialize(Archive& archive, JobRequest& m) {
  archive(m.job);
}

template <class Archive>
void serialize(Archive& archive, JobLogRequest& m) {
  archive(m.job, m.attempt, m.rank, m.tail_bytes);
}

template <class Archive>
void serialize(Archive& archive, ExplainRequest& m) {
  archive(m.job);
}

template <class Archive>
void serialize(Archive& archive, CancelRequest& m) {
  archive(m.job);
}

template <class Archive>
void serialize(Archive& archive, CheckpointsRequest& m) {
  archive(m.job);
}

template <class Archive>
void serialize(Archive& archive, ResultsRequest& m) {
  archive(m.workflow);
}

template <class Archive>
void serialize(Archive&, StatusRequest&) {}

template <class Archive>
void serialize(Archive& archive, StopRequest& m) {
  archive(m.kill_gangs);
}

template <class Archive>
void serialize(Archive& archive, SubmitReply& m) {
  archive(m.workflow, m.jobs);
}

template <class Archive>
void serialize(Archive& archive, JobSummary& m) {
  archive(m.id, m.workflow, m.workflow_name, m.name, m.kind, m.state, m.reason, m.terminal, m.ranks,
          m.slots, m.attempt, m.step, m.steps_total, m.activity, m.agent, m.submitted_ms,
          m.started_ms, m.ended_ms);
}

template <class Archive>
void serialize(Archive& archive, AttemptSummary& m) {
  archive(m.attempt, m.agent, m.started_ms, m.ended_ms, m.outcome, m.message, m.rank_pids);
}

template <class Archive>
void serialize(Archive& archive, JobsReply& m) {
  archive(m.jobs);
}

template <class Archive>
void serialize(Archive& archive, JobReply& m) {
  archive(m.summary, m.workspace, m.after, m.on_commit_of, m.config_yaml, m.overrides, m.attempts,
          m.checkpoints, m.notices);
}

template <class Archive>
void serialize(Archive& archive, JobLogReply& m) {
  archive(m.files);
}

template <class Archive>
void serialize(Archive& archive, ExplainReply& m) {
  archive(m.lines);
}

template <class Archive>
void serialize(Archive& archive, CancelReply& m) {
  archive(m.state);
}

template <class Archive>
void serialize(Archive& archive, CheckpointRow& m) {
  archive(m.job, m.job_name, m.checkpoint, m.at_ms);
}

template <class Archive>
void serialize(Archive& archive, CheckpointsReply& m) {
  archive(m.rows);
}

template <class Archive>
void serialize(Archive& archive, ResultRow& m) {
  archive(m.job, m.result, m.at_ms);
}

template <class Archive>
void serialize(Archive& archive, ResultsReply& m) {
  archive(m.rows);
}

template <class Archive>
void serialize(Archive& archive, AgentSummary& m) {
  archive(m.id, m.host, m.connected, m.slots, m.slots_free, m.gpus, m.pid);
}

template <class Archive>
void serialize(Archive& archive, StatusReply& m) {
  archive(m.version, m.pid, m.state_folder, m.endpoint, m.started_ms, m.events, m.agents,
          m.jobs_by_state);
}

template <class Archive>
void serialize(Archive& archive, StopReply& m) {
  archive(m.message);
}

template <class Archive>
void serialize(Archive& archive, ErrorReply& m) {
  archive(m.code, m.message);
}

}  // namespace tagalign::protocol

namespace cereal {
/// Instead of cereal's own treatment of enums, which takes any number.
template <class Archive, tagalign::protocol::RangedEnum Enum>
struct specialize<Archive, Enum, cereal::specialization::non_member_load_save> {};
}  // namespace cereal
