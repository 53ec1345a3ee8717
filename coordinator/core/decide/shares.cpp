/// An attempt over several agents: it runs when all of them run, and ends as a whole.
#include "base/format.h"
#include "coordinator/core/decide/turn.h"
#include "coordinator/core/decide/verdict.h"

namespace tagalign::core {
namespace {

using wire::AttemptEnded;
using wire::Outcome;

constexpr const char* kEnding = "another part of the gang has ended";

ShareEnd share_end(const AgentId& agent, const AttemptEnded& end) {
  return {.agent = agent,
          .outcome = end.outcome,
          .exit_code = end.exit_code,
          .failed_rank = end.failed_rank,
          .last_step = end.last_step,
          .message = end.message,
          .at_ms = end.at_ms};
}

AttemptEnded as_one(const Job& job, const ShareEnd& end) {
  return {.job = job.id,
          .attempt = job.attempt,
          .outcome = end.outcome,
          .exit_code = end.exit_code,
          .failed_rank = end.failed_rank,
          .last_step = end.last_step,
          .message = end.message,
          .at_ms = end.at_ms};
}

bool ended_well(const ShareEnd& end) {
  return end.outcome == Outcome::kSucceeded || end.outcome == Outcome::kSavedAndLeft;
}

}  // namespace

void run_share(Turn& turn, const Job& job, const AgentId& agent) {
  const AttemptRecord& record = job.attempts.back();
  if (record.shares.size() > 1) {
    if (record.ran.contains(agent)) return;
    turn.record(ShareRan{job.id, agent});
    if (record.ran.size() < record.shares.size()) return;
  }
  turn.record(AttemptRan{job.id});
}

void end_share(Turn& turn, const Job& job, const AgentId& agent, const AttemptEnded& end) {
  const bool last = open_shares(job).size() == 1;
  const std::vector<ShareEnd>& before = job.attempts.back().ends;
  if (last && before.empty()) return end_attempt(turn, job, end);
  if (last) {
    std::vector<ShareEnd> all = before;
    all.push_back(share_end(agent, end));
    return end_attempt(turn, job, as_one(job, judge_attempt(all, *holder(job))));
  }
  turn.record(ShareEnded{job.id, share_end(agent, end)});
  // What ended well has the launcher's word that the others end too: they get their time.
  if (ended_well(job.attempts.back().ends.back())) {
    remind(turn, job);
  } else {
    send_end(turn, job);
  }
}

void send_end(Turn& turn, const Job& job) {
  for (const wire::Share* share : open_shares(job)) {
    turn.send(share->agent, wire::StopAttempt{job.id, job.attempt, wire::StopMode::kKill, kEnding});
  }
  remind(turn, job);
}

void lose_share(Turn& turn, const Job& job, const AgentId& agent, std::string why) {
  end_share(turn, job, agent,
            {.job = job.id,
             .attempt = job.attempt,
             .outcome = Outcome::kAgentRestarted,
             .last_step = job.checkpoints.empty() ? 0 : job.checkpoints.rbegin()->first,
             .message = std::move(why),
             .at_ms = turn.now_ms});
}

void want_daemon(Turn& turn, const Job& job, const wire::DaemonWanted& wanted) {
  turn.record(DaemonAsked{job.id, wanted.agent, wanted.command});
  turn.send(wanted.agent, wire::StartDaemon{job.id, job.attempt, wanted.command});
}

}  // namespace tagalign::core
