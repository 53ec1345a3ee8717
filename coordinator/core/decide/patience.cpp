#include "coordinator/core/decide/patience.h"

#include <algorithm>
#include <vector>

namespace tagalign::core {
namespace {

bool hung(const AttemptRecord& record) {
  return record.outcome == wire::Outcome::kHung;
}

/// One that ended while it loaded knows only a part of the load.
bool came_to_work(const AttemptRecord& record) {
  return record.longest.step > 0 || record.longest.image > 0 ||
         record.outcome == wire::Outcome::kSucceeded;
}

void add_attempts(const Job& job, std::vector<const wire::PhaseTimes*>& known) {
  for (const AttemptRecord& record : job.attempts) {
    if (record.outcome && !hung(record) && came_to_work(record)) known.push_back(&record.longest);
  }
}

/// Of those that are not zero: the phase was reached, and its time was told.
std::int64_t median(const std::vector<const wire::PhaseTimes*>& known,
                    std::int64_t wire::PhaseTimes::*phase) {
  std::vector<std::int64_t> values;
  for (const wire::PhaseTimes* times : known) {
    if (times->*phase > 0) values.push_back(times->*phase);
  }
  if (values.empty()) return 0;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::ranges::nth_element(values, middle);
  return *middle;
}

}  // namespace

wire::Patience patience_of(const State& state, const Job& job) {
  std::vector<const wire::PhaseTimes*> known;
  add_attempts(job, known);
  const auto family = state.index.durations.find(family_of(state, job));
  if (family != state.index.durations.end()) {
    for (const auto& [end, duration] : family->second)
      add_attempts(state.jobs.at(end.second), known);
  }
  wire::Patience patience{.set = job.spec.deadlines};
  for (const auto phase : wire::kPhaseTimes) patience.usual.*phase = median(known, phase);
  patience.doublings = static_cast<int>(std::ranges::count_if(job.attempts, hung));
  return patience;
}

}  // namespace tagalign::core
