/// Which job starts where: in the order of line.h, each where placement.h finds room for all its ranks,
/// and around what is kept for the first that finds none.
#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "coordinator/core/decide/patience.h"
#include "coordinator/core/decide/reserve.h"
#include "coordinator/core/decide/runway.h"
#include "coordinator/core/decide/turn.h"

namespace tagalign::core {
namespace {

struct Chosen {
  const Job* job;
  Placement where;
};

/// One round of placing. What is kept for a job stays kept until the end of it.
class Round {
 public:
  explicit Round(const Turn& turn)
      : state_(turn.state), policy_(turn.mind.policy), now_ms_(turn.now_ms) {
    for (const auto& [agent, health] : state_.health) {
      if (health.drains > 0) drained_.insert(agent);
    }
  }

  std::optional<Chosen> next_job() {
    if (state_.index.free.empty()) return std::nullopt;
    for (const Job* job : first_in_line(state_)) {
      if (auto where = room_for(*job)) return Chosen{job, std::move(*where)};
      if (!waits(job->id)) waiting_.push_back(job->id);
      if (!policy_.backfill) return std::nullopt;
    }
    return std::nullopt;
  }
  /// The first of each shape that found no room, in order.
  const std::vector<JobId>& waiting() const { return waiting_; }

 private:
  bool waits(JobId job) const { return std::ranges::find(waiting_, job) != waiting_.end(); }
  /// On drained agents only where there is no room elsewhere: these are on probe, the others offer none.
  std::optional<Placement> room_for(const Job& job) {
    auto where = room_beside(job, drained_);
    return where || drained_.empty() ? where : room_beside(job, {});
  }
  std::optional<Placement> room_beside(const Job& job, std::set<AgentId> avoided) {
    const UnixMs until_ms = now_ms_ + runway_ms(job);
    auto where = policy_.place(state_, job.spec, until_ms, avoided);
    if (!where || waiting_.empty() || !keeps()) return where;
    const bool touches = std::ranges::any_of(where->shares, [&](const wire::Share& share) {
      return kept_->agents.contains(share.agent);
    });
    if (!touches || ends_in_time(state_, policy_, *kept_, job, now_ms_)) return where;
    avoided.insert(kept_->agents.begin(), kept_->agents.end());
    return policy_.place(state_, job.spec, until_ms, avoided);
  }
  /// Looks for room only once somebody else could take it.
  bool keeps() {
    for (; !kept_ && asked_ < waiting_.size(); ++asked_)
      kept_ = reserve(state_, state_.jobs.at(waiting_[asked_]), now_ms_);
    return kept_.has_value();
  }

  const State& state_;
  const Policy& policy_;
  const UnixMs now_ms_;
  std::vector<JobId> waiting_;
  std::size_t asked_ = 0;  ///< of waiting_: for whom room was looked for
  std::optional<Reservation> kept_;
  std::set<AgentId> drained_;
};

}  // namespace

void place_ready(Turn& turn) {
  if (turn.state.stopping) return;
  index::wake(turn.state, turn.now_ms);
  offer_probes(turn);
  Round round(turn);
  while (auto chosen = round.next_job()) {
    const auto& [job, where] = *chosen;
    turn.record(AttemptPlaced{.job = job->id,
                              .attempt = Attempt{job->attempt.value + 1},
                              .agent = where.shares.front().agent,
                              .launcher = where.launcher,
                              .shares = where.shares});
    send_launch(turn, *job);
  }
  make_room(turn, round.waiting());
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
                       .places = {},
                       .patience = patience_of(turn.state, job)};
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
