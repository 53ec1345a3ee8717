#include "coordinator/core/ledger.h"

#include <algorithm>

namespace tagalign::core {
namespace {

/// The newest commit of `job` between two times; `from_ms` when there is none.
UnixMs last_commit(const Job& job, UnixMs from_ms, UnixMs to_ms) {
  UnixMs last_ms = from_ms;
  for (const auto& [step, commit] : job.checkpoints) {
    if (commit.second <= to_ms) last_ms = std::max(last_ms, commit.second);
  }
  return last_ms;
}

/// What was done until the end is kept: nothing is to be repeated.
bool ended_well(const AttemptRecord& record) {
  return !record.outcome || *record.outcome == wire::Outcome::kSucceeded ||
         *record.outcome == wire::Outcome::kSavedAndLeft;
}

/// When an attempt was placed, ran, had its last work that is kept, and ended.
struct Times {
  UnixMs placed_ms = 0;
  UnixMs ran_ms = 0;
  UnixMs kept_ms = 0;
  UnixMs end_ms = 0;
};

Times times_of(const Job& job, const AttemptRecord& record, UnixMs now_ms) {
  Times times{.placed_ms = record.started_ms};
  times.end_ms = record.outcome ? record.ended_ms : std::max(now_ms, record.started_ms);
  times.ran_ms = record.ran_ms == 0 ? times.end_ms : record.ran_ms;
  times.kept_ms = ended_well(record) ? times.end_ms : last_commit(job, times.ran_ms, times.end_ms);
  return times;
}

/// Moves up to `wanted` out of `from`; what was moved.
std::int64_t take_out(std::int64_t& from, std::int64_t wanted) {
  const std::int64_t taken = std::clamp<std::int64_t>(wanted, 0, from);
  from -= taken;
  return taken;
}

/// The ranks' own account, cut to what the slots were held for; the rest is the start. What was lost
/// is taken from the work first.
void add_told(Ledger& ledger, const AttemptRecord& record, const Times& times, std::int64_t slots,
              std::int64_t slots_per_rank) {
  std::int64_t left = slots * (times.end_ms - times.placed_ms);
  const wire::PhaseTimes& spent = record.spent;
  const auto part = [&](std::int64_t rank_ms) { return take_out(left, rank_ms * slots_per_rank); };
  const std::int64_t hung = part(spent.hang);
  std::int64_t training = part(spent.first_step + spent.step);
  std::int64_t evaluating = part(spent.image + spent.wait);
  std::int64_t saving = part(spent.save);
  std::int64_t loading = part(spent.load);
  std::int64_t lost = slots * (times.end_ms - times.kept_ms) - hung;
  for (std::int64_t* work : {&training, &evaluating, &saving, &loading, &left}) {
    const std::int64_t taken = take_out(*work, lost);
    lost -= taken;
    ledger.lost += taken;
  }
  ledger.starting += left;
  ledger.loading += loading;
  ledger.training += training;
  ledger.evaluating += evaluating;
  ledger.saving += saving;
  ledger.hung += hung;
}

void add(Ledger& ledger, const Job& job, const AttemptRecord& record, UnixMs now_ms) {
  const std::int64_t slots = slots_of(job.spec);
  const Times times = times_of(job, record, now_ms);
  ++ledger.attempts;
  if (record.outcome && record.spent != wire::PhaseTimes{}) {
    return add_told(ledger, record, times, slots, job.spec.slots_per_rank);
  }
  ledger.starting += slots * (times.ran_ms - times.placed_ms);
  ledger.untold += slots * (times.kept_ms - times.ran_ms);
  ledger.lost += slots * (times.end_ms - times.kept_ms);
}

}  // namespace

Ledger& Ledger::operator+=(const Ledger& other) {
  waited += other.waited;
  starting += other.starting;
  loading += other.loading;
  training += other.training;
  evaluating += other.evaluating;
  saving += other.saving;
  untold += other.untold;
  lost += other.lost;
  hung += other.hung;
  attempts += other.attempts;
  return *this;
}

Ledger ledger_of(const Job& job, UnixMs now_ms) {
  Ledger ledger;
  for (const AttemptRecord& record : job.attempts) add(ledger, job, record, now_ms);
  const std::int64_t slots = slots_of(job.spec);
  ledger.waited = slots * ((is_terminal(job.state) ? ended_ms(job) : now_ms) - job.submitted_ms) -
                  ledger.held();
  return ledger;
}

}  // namespace tagalign::core
