/// What agents report about attempts. transitions.md decides every pair of job state and event.
#include "base/format.h"
#include "coordinator/core/retry.h"
#include "coordinator/core/turn.h"

namespace tagalign::core {
namespace {

using protocol::AttemptEnded;
using protocol::AttemptStarted;
using protocol::CheckpointCommitted;
using protocol::EvaluationResult;
using protocol::RankNotice;
using protocol::ResultReported;

/// Where a report comes from. `live`: from the attempt that the job is in, on the agent that holds
/// it.
struct Source {
  const AgentId& agent;
  Attempt attempt;
  bool live;
};

bool same_counts(const EvaluationResult& a, const EvaluationResult& b) {
  return a.images == b.images && a.classes == b.classes && a.intersect == b.intersect &&
         a.union_ == b.union_ && a.predicted == b.predicted && a.labelled == b.labelled;
}

void add_notice(Job& job, std::string text) {
  if (job.notices.size() == kNoticesPerJobMax) job.notices.erase(job.notices.begin());
  job.notices.push_back(std::move(text));
}

void take(Turn& turn, Job& job, const Source& source, const AttemptStarted&) {
  if (!source.live) {
    ++turn.state.dropped_stale;
    turn.send(source.agent, protocol::StopAttempt{job.id, source.attempt, protocol::StopMode::kKill,
                                                  "this attempt is over"});
  } else if (auto* saving = std::get_if<Saving>(&job.state)) {
    saving->started = true;
  } else if (std::holds_alternative<Starting>(job.state)) {
    set_state(turn.state, job, Running{source.agent, turn.now_ms});
  }
}

/// A commit is a durable fact whatever became of its attempt: the lease let it through. Only when a
/// newer attempt has since committed other content at that step is the late news void.
void take(Turn& turn, Job& job, const Source& source, const CheckpointCommitted& event) {
  const auto known = job.checkpoints.find(event.checkpoint.step);
  const bool repeated =
      known != job.checkpoints.end() && known->second.first.digest == event.checkpoint.digest;
  if (!repeated && known != job.checkpoints.end() && !source.live) {
    ++turn.state.dropped_stale;
    return;
  }
  if (!repeated) {
    job.checkpoints[event.checkpoint.step] = {event.checkpoint, turn.now_ms};
    job.stalled_failures = 0;
  }
  if (event.checkpoint.scheduled) instantiate_templates(turn, job.id, event.checkpoint);
}

/// Results are keyed by their content, so that it does not matter which attempt counted; the first
/// stays.
void take(Turn& turn, Job& job, const Source&, const ResultReported& event) {
  const auto [entry, added] = turn.state.results.try_emplace(
      event.result.key, ResultEntry{job.id, event.result, turn.now_ms, {}});
  ResultEntry& kept = entry->second;
  kept.workflows.insert(job.workflow);
  if (added || same_counts(kept.result, event.result)) return;
  ++turn.state.conflicting_results;
  add_notice(job, format("{} on {} counted other pixels than job {} for the same key; that job's "
                         "result stays: equal input must give equal counts, report this",
                         event.result.method, event.result.dataset, kept.job.value));
}

void take(Turn& turn, Job& job, const Source& source, const RankNotice& event) {
  if (!source.live) {
    ++turn.state.dropped_stale;
    return;
  }
  add_notice(job, format("rank {}: {}", event.rank, event.text));
}

void take(Turn& turn, Job& job, const Source& source, const AttemptEnded& event) {
  if (source.live) {
    end_attempt(turn, job, event);
  } else {
    ++turn.state.dropped_stale;
  }
}

}  // namespace

void take_attempt_event(Turn& turn, const AgentId& agent, const protocol::AgentEvent& event) {
  std::visit(
      [&](const auto& body) {
        const auto found = turn.state.jobs.find(body.job);
        if (found == turn.state.jobs.end()) {
          ++turn.state.dropped_stale;
          return;
        }
        Job& job = found->second;
        const AgentId* held_by = holder(job);
        const bool live = held_by && *held_by == agent && body.attempt == job.attempt;
        take(turn, job, Source{agent, body.attempt, live}, body);
      },
      event);
}

void end_attempt(Turn& turn, Job& job, const AttemptEnded& end) {
  Verdict verdict = decide_retry(job, end, turn.now_ms);
  AttemptRecord& record = job.attempts.back();
  record.ended_ms = turn.now_ms;
  record.outcome = end.outcome;
  record.message = end.message;
  record.last_step = end.last_step;
  job.program_failures = verdict.program_failures;
  job.stalled_failures = verdict.stalled_failures;
  job.last_failed_step = verdict.last_failed_step;
  set_state(turn.state, job, std::move(verdict.state));
}

void lose_attempt(Turn& turn, Job& job, std::string why) {
  AttemptEnded end;
  end.job = job.id;
  end.attempt = job.attempt;
  end.outcome = protocol::Outcome::kAgentRestarted;
  end.last_step = job.checkpoints.empty() ? 0 : job.checkpoints.rbegin()->first;
  end.message = std::move(why);
  end.at_ms = turn.now_ms;
  end_attempt(turn, job, end);
}

}  // namespace tagalign::core
