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

UnixMs ended_ms(const Job& job, UnixMs now_ms) {
  if (const auto* end = std::get_if<Succeeded>(&job.state)) return end->at_ms;
  if (const auto* end = std::get_if<Failed>(&job.state)) return end->at_ms;
  if (const auto* end = std::get_if<Cancelled>(&job.state)) return end->at_ms;
  return now_ms;
}

void add(Ledger& ledger, const Job& job, const AttemptRecord& record, UnixMs now_ms) {
  const std::int64_t slots = slots_of(job.spec);
  const UnixMs end_ms = record.outcome ? record.ended_ms : std::max(now_ms, record.started_ms);
  const UnixMs ran_ms = record.ran_ms == 0 ? end_ms : record.ran_ms;
  const UnixMs kept_ms = ended_well(record) ? end_ms : last_commit(job, ran_ms, end_ms);
  ledger.starting += slots * (ran_ms - record.started_ms);
  ledger.lasting += slots * (kept_ms - ran_ms);
  ledger.lost += slots * (end_ms - kept_ms);
  ++ledger.attempts;
}

}  // namespace

Ledger& Ledger::operator+=(const Ledger& other) {
  waited += other.waited;
  starting += other.starting;
  lasting += other.lasting;
  lost += other.lost;
  attempts += other.attempts;
  return *this;
}

Ledger ledger_of(const Job& job, UnixMs now_ms) {
  Ledger ledger;
  for (const AttemptRecord& record : job.attempts) add(ledger, job, record, now_ms);
  const std::int64_t slots = slots_of(job.spec);
  ledger.waited = slots * (ended_ms(job, now_ms) - job.submitted_ms) - ledger.held();
  return ledger;
}

}  // namespace tagalign::core
