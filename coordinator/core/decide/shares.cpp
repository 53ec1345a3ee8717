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

ShareEnd lost_share(const Turn& turn, const Job& job, const AgentId& agent, std::string why) {
  return {.agent = agent,
          .outcome = Outcome::kAgentRestarted,
          .last_step = job.checkpoints.empty() ? 0 : job.checkpoints.rbegin()->first,
          .message = std::move(why),
          .at_ms = turn.now_ms};
}

void close_share(Turn& turn, const Job& job, const ShareEnd& end) {
  if (open_shares(job).size() == 1) {
    std::vector<ShareEnd> all = job.attempts.back().ends;
    all.push_back(end);
    const ShareEnd verdict = judge_attempt(all, *holder(job));
    end_attempt(turn, job, as_one(job, verdict));
    return rate_agents(turn, job, verdict);
  }
  turn.record(ShareEnded{job.id, end});
  // What ended well has the launcher's word that the others end too: they get their time.
  if (ended_well(end)) {
    remind(turn, job);
  } else {
    send_end(turn, job);
  }
}

}  // namespace

void run_share(Turn& turn, const Job& job, const AgentId& agent) {
  const AttemptRecord& record = job.attempts.back();
  if (record.shares.size() > 1) {
    if (record.ran.contains(agent)) return;
    turn.record(ShareRan{job.id, agent});
    if (record.ran.size() < record.shares.size()) return;
  }
  turn.record(AttemptRan{job.id, turn.now_ms});
  if (job.time_limit_s > 0 && std::holds_alternative<Running>(job.state)) remind(turn, job);
}

void end_share(Turn& turn, const Job& job, const AgentId& agent, const AttemptEnded& end) {
  close_share(turn, job, share_end(agent, end));
}

void send_end(Turn& turn, const Job& job) {
  for (const wire::Share* share : open_shares(job)) {
    turn.send(share->agent, wire::StopAttempt{job.id, job.attempt, wire::StopMode::kKill, kEnding});
  }
  remind(turn, job);
}

void lose_share(Turn& turn, const Job& job, const AgentId& agent, std::string why) {
  close_share(turn, job, lost_share(turn, job, agent, std::move(why)));
}

void give_up_share(Turn& turn, const Job& job, const AgentId& agent) {
  ShareEnd end = lost_share(turn, job, agent, format("agent {} fell silent", agent.value));
  end.given_up = true;
  close_share(turn, job, end);
}

void want_daemon(Turn& turn, const Job& job, const wire::DaemonWanted& wanted) {
  turn.record(DaemonAsked{job.id, wanted.agent, wanted.command});
  turn.send(wanted.agent, wire::StartDaemon{job.id, job.attempt, wanted.command});
}

}  // namespace tagalign::core
