/// Ready jobs of one shape in the order in which they shall start: higher priority first; within one,
/// the workflow that holds the fewest slots now; within a workflow the oldest job, and of a template's
/// instances the newest one.
///
/// Every change costs O(log n) of the jobs, and O(priorities of that workflow) when the slots that it
/// holds change. Plain values; no I/O.
#pragma once

#include <compare>
#include <map>
#include <set>
#include <utility>

#include "base/ids.h"

namespace tagalign::core {

/// A job's place among those of its workflow and priority.
struct Seniority {
  JobId group;               ///< the job itself, or the first instance of its template
  std::uint64_t newest = 0;  ///< of instances: falls with each newer one
  JobId job;
  auto operator<=>(const Seniority&) const = default;
};

/// Where a job stands against those of other workflows.
struct Standing {
  int behind = 0;      ///< minus the priority
  int held_slots = 0;  ///< by its workflow
  Seniority first;
  WorkflowId workflow;
  auto operator<=>(const Standing&) const = default;
};

class Line {
 public:
  void add(WorkflowId workflow, int priority, const Seniority& job, int held_slots);
  void remove(WorkflowId workflow, int priority, const Seniority& job, int held_slots);
  /// The slots that `workflow` holds change.
  void stand_anew(WorkflowId workflow, int held_before, int held_now);

  bool empty() const { return standings_.empty(); }
  /// Who starts next. Requires !empty().
  const Standing& front() const { return *standings_.begin(); }
  /// Calls visit(job) for each, in no order that means anything, until one call returns false.
  template <class Visit>
  bool visit(Visit visit) const {
    for (const auto& [key, jobs] : jobs_) {
      for (const Seniority& job : jobs) {
        if (!visit(job.job)) return false;
      }
    }
    return true;
  }

 private:
  using Key = std::pair<WorkflowId, int>;  ///< workflow, minus the priority
  static Standing standing(const Key& key, const Seniority& first, int held_slots) {
    return {key.second, held_slots, first, key.first};
  }

  std::map<Key, std::set<Seniority>> jobs_;
  std::set<Standing> standings_;  ///< one for each key
};

}  // namespace tagalign::core
