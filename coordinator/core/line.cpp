#include "coordinator/core/line.h"

#include <limits>

namespace tagalign::core {

void Line::add(WorkflowId workflow, int priority, const Seniority& job, int held_slots) {
  const Key key{workflow, -priority};
  std::set<Seniority>& jobs = jobs_[key];
  if (!jobs.empty()) standings_.erase(standing(key, *jobs.begin(), held_slots));
  jobs.insert(job);
  standings_.insert(standing(key, *jobs.begin(), held_slots));
}

void Line::remove(WorkflowId workflow, int priority, const Seniority& job, int held_slots) {
  const auto found = jobs_.find({workflow, -priority});
  if (found == jobs_.end() || !found->second.contains(job)) return;
  auto& [key, jobs] = *found;
  standings_.erase(standing(key, *jobs.begin(), held_slots));
  jobs.erase(job);
  if (jobs.empty()) {
    jobs_.erase(found);
  } else {
    standings_.insert(standing(key, *jobs.begin(), held_slots));
  }
}

void Line::stand_anew(WorkflowId workflow, int held_before, int held_now) {
  auto entry = jobs_.lower_bound({workflow, std::numeric_limits<int>::min()});
  for (; entry != jobs_.end() && entry->first.first == workflow; ++entry) {
    const Seniority& first = *entry->second.begin();
    standings_.erase(standing(entry->first, first, held_before));
    standings_.insert(standing(entry->first, first, held_now));
  }
}

}  // namespace tagalign::core
