/// Which job starts where: by id, each where placement.h finds room for all its ranks.
#include <optional>
#include <utility>

#include "coordinator/core/decide/runway.h"
#include "coordinator/core/decide/turn.h"

namespace tagalign::core {
namespace {

struct Chosen {
  const Job* job;
  Placement where;
};

/// Of the shapes that find room now, the job of the lowest id.
std::optional<Chosen> next_job(const Turn& turn) {
  const State& state = turn.state;
  std::optional<Chosen> lowest;
  if (state.index.free.empty()) return lowest;
  for (const auto& [shape, jobs] : state.index.ready) {
    if (lowest && lowest->job->id < *jobs.begin()) continue;
    const Job& job = state.jobs.at(*jobs.begin());
    auto where = turn.mind.policy.place(state, job.spec, turn.now_ms + runway_ms(job));
    if (where) lowest = Chosen{&job, std::move(*where)};
  }
  return lowest;
}

}  // namespace

void place_ready(Turn& turn) {
  if (turn.state.stopping) return;
  index::wake(turn.state, turn.now_ms);
  while (auto chosen = next_job(turn)) {
    const auto& [job, where] = *chosen;
    turn.record(AttemptPlaced{.job = job->id,
                              .attempt = Attempt{job->attempt.value + 1},
                              .agent = where.shares.front().agent,
                              .launcher = where.launcher,
                              .shares = where.shares});
    send_launch(turn, *job);
  }
}

/// To every agent with a share of it that does not run yet.
void send_launch(Turn& turn, const Job& job) {
  const AttemptRecord& record = job.attempts.back();
  wire::Launch message{.job = job.id,
                       .attempt = job.attempt,
                       .job_name = job.spec.name,
                       .kind = job.spec.kind,
                       .ranks = job.spec.ranks,
                       .slots_per_rank = job.spec.slots_per_rank,
                       .workspace = turn.state.workflows.at(job.workflow).workspace,
                       .config_yaml = job.spec.config_yaml,
                       .overrides = job.spec.overrides,
                       .launcher = record.launcher,
                       .shares = record.shares,
                       .places = {}};
  for (const wire::Share& share : record.shares) {
    message.places.push_back(turn.state.agents.at(share.agent).place);
  }
  for (const wire::Share* share : open_shares(job)) {
    if (record.ran.contains(share->agent)) continue;
    turn.send(share->agent, message);
    const auto daemon = record.daemons.find(share->agent);
    if (daemon == record.daemons.end()) continue;
    turn.send(share->agent, wire::StartDaemon{job.id, job.attempt, daemon->second});
  }
  remind(turn, job);
}

}  // namespace tagalign::core
