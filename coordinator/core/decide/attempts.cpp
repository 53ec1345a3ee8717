/// What agents report about attempts. transitions.md decides every pair of job state and event.
#include "base/format.h"
#include "coordinator/core/archive.h"
#include "coordinator/core/decide/retry.h"
#include "coordinator/core/decide/turn.h"
#include "coordinator/wire/result_document.h"

namespace tagalign::core {
namespace {

using wire::AttemptEnded;
using wire::AttemptSpent;
using wire::AttemptStarted;
using wire::CheckpointCommitted;
using wire::EvaluationResult;
using wire::RankNotice;
using wire::ResultReported;

/// Where a report comes from. `live`: from the attempt that the job is in, on the
/// agent that holds it.
struct Source {
  const AgentId& agent;
  Attempt attempt;
  bool live;
};

void take(Turn& turn, const Job& job, const Source& source, const AttemptStarted&) {
  const auto* saving = std::get_if<Saving>(&job.state);
  if (!source.live) {
    turn.record(StaleDropped{});
    turn.send(source.agent, wire::StopAttempt{job.id, source.attempt, wire::StopMode::kKill,
                                              "this attempt is over"});
  } else if (std::holds_alternative<Starting>(job.state) || (saving && !saving->started)) {
    run_share(turn, job, source.agent);
  }
}

/// A commit is a durable fact whatever became of its attempt: the lease let it through. Only when a
/// newer attempt has since committed other content at that step is the late news void.
void take(Turn& turn, const Job& job, const Source& source, const CheckpointCommitted& event) {
  const auto known = job.checkpoints.find(event.checkpoint.step);
  const bool repeated =
      known != job.checkpoints.end() && known->second.first.digest == event.checkpoint.digest;
  if (!repeated && known != job.checkpoints.end() && !source.live) {
    turn.record(StaleDropped{});
    return;
  }
  if (!repeated) turn.record(CheckpointKnown{job.id, event.checkpoint, true, event.pace});
  if (source.live) absolve_agents(turn, job);
  if (event.checkpoint.scheduled) instantiate_templates(turn, job.id, event.checkpoint);
}

void report_conflict(Turn& turn, const Job& job, JobId kept, const EvaluationResult& result) {
  turn.record(ResultConflicted{job.id, result.key});
  add_notice(turn, job,
             format("{} on {} counted other pixels than job {} for the same key; that job's result "
                    "stays: equal input must give equal counts, report this",
                    result.method, result.dataset, kept.value));
  turn.alert(
      format("{} results so far contradict an earlier one with the same key; `tagalign job "
             "show {}` names the newest",
             turn.state.conflicting_results, job.id.value));
}

/// Results are keyed by their content, so that it does not matter which attempt
/// counted; the first stays.
void take(Turn& turn, const Job& job, const Source&, const ResultReported& event) {
  const State& state = turn.state;
  const EvaluationResult& result = event.result;
  const auto known = state.results.find(result.key);
  const auto archived = state.archive.results.find(result.key);
  if (known != state.results.end()) {
    if (!reported(known->second, job.id))
      turn.record(ResultRepeated{result.key, job.workflow, job.id});
    if (!same_counts(known->second.result, result))
      report_conflict(turn, job, known->second.job, result);
  } else if (archived != state.archive.results.end() &&
             archived->second.counts != counts_digest(result)) {
    report_conflict(turn, job, archived->second.job, result);
  } else {
    turn.record(ResultKnown{job.id, result});
  }
}

void take(Turn& turn, const Job& job, const Source& source, const RankNotice& event) {
  if (source.live) {
    add_notice(turn, job, format("rank {}: {}", event.rank, event.text));
  } else {
    turn.record(StaleDropped{});
  }
}

/// The head's mpirun asks for a daemon on the node of another share.
void take(Turn& turn, const Job& job, const Source& source, const wire::DaemonWanted& event) {
  if (source.live && holds(job, event.agent)) {
    want_daemon(turn, job, event);
  } else {
    turn.record(StaleDropped{});
  }
}

/// It comes before the end of the share.
void take(Turn& turn, const Job& job, const Source& source, const AttemptSpent& event) {
  if (source.live) {
    turn.record(AttemptTimed{job.id, event.spent, event.longest});
  } else {
    turn.record(StaleDropped{});
  }
}

void take(Turn& turn, const Job& job, const Source& source, const AttemptEnded& event) {
  if (source.live) {
    end_share(turn, job, source.agent, event);
  } else {
    turn.record(StaleDropped{});
  }
}

}  // namespace

void add_notice(Turn& turn, const Job& job, std::string text) {
  turn.record(NoticeAdded{job.id, std::move(text), job.notices.size() >= kNoticesPerJobMax});
}

void take_attempt_event(Turn& turn, const AgentId& agent, const wire::AgentEvent& event) {
  std::visit(
      [&](const auto& body) {
        const auto found = turn.state.jobs.find(body.job);
        if (found == turn.state.jobs.end()) {
          turn.record(StaleDropped{});
          return;
        }
        const Job& job = found->second;
        const bool live = holds(job, agent) && body.attempt == job.attempt;
        take(turn, job, Source{agent, body.attempt, live}, body);
      },
      event);
}

void end_attempt(Turn& turn, const Job& job, const AttemptEnded& end) {
  Verdict verdict = decide_retry(turn.mind.policy, job, end, turn.now_ms);
  const auto* saving = std::get_if<Saving>(&job.state);
  turn.record(AttemptClosed{.job = job.id,
                            .outcome = end.outcome,
                            .message = end.message,
                            .last_step = end.last_step,
                            .next = std::move(verdict.state),
                            .program_failures = verdict.program_failures,
                            .stalled_failures = verdict.stalled_failures,
                            .last_failed_step = verdict.last_failed_step,
                            .asked = saving ? saving->reason : ""});
  if (std::holds_alternative<Succeeded>(job.state)) instantiate_last(turn, job);
}

}  // namespace tagalign::core
