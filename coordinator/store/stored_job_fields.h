/// The field lists of what jobs ask for and report: the wire's structs, as they are stored. Rules of
/// stored_fields.h. Private to coordinator/store.
#pragma once

#include "coordinator/store/tagged.h"
#include "coordinator/wire/messages.h"

namespace tagalign {

namespace wire {

/// Refuses numbers that name no outcome.
inline void get(std::string_view bytes, Outcome& value) {
  std::uint8_t number = 0;
  store::get(bytes, number);
  value = static_cast<Outcome>(number);
  if (value < Outcome::kSucceeded || value > Outcome::kHung) {
    throw store::TaggedError(format("{} names no outcome", number));
  }
}

template <class F, tagalign::Is<PhaseTimes> T>
void fields(F& f, T& s) {
  f(1, s.start);
  f(2, s.load);
  f(3, s.first_step);
  f(4, s.step);
  f(5, s.save);
  f(6, s.image);
  f(7, s.wait);
  f(8, s.hang);
}
template <class F, tagalign::Is<CommitNeed> T>
void fields(F& f, T& s) {
  f(1, s.job);
  f(2, s.step);
}
template <class F, tagalign::Is<JobSpec> T>
void fields(F& f, T& s) {
  f(1, s.name);
  f(2, s.kind);
  f(3, s.ranks);
  f(4, s.slots_per_rank);
  f(5, s.after);
  f(6, s.on_commit_of);
  f(7, s.retries_max);
  f(8, s.config_yaml);
  f(9, s.overrides);
  f(10, s.ranks_per_node);  // since format 4, and all below
  f(11, s.nodes_max);
  f(12, s.pool);
  f(13, s.priority);  // since format 5, and all below
  f(14, s.time_limit_s);
  f(15, s.after_any);
  f(16, s.commits_every);
  f(17, s.last_commit);
  f(18, s.newest_only);
  f(19, s.after_commit);  // since format 6, and all below
  f(20, s.best_of);
  f(21, s.best_dataset);
  f(22, s.group);
  f(23, s.group_live_max);
  f(24, s.deadlines);
}
template <class F, tagalign::Is<CheckpointInfo> T>
void fields(F& f, T& s) {
  f(1, s.step);
  f(2, s.path);
  f(3, s.digest);
  f(4, s.scheduled);
}
template <class F, tagalign::Is<Pace> T>
void fields(F& f, T& s) {
  f(1, s.start_ms);
  f(2, s.step_ms);
  f(3, s.save_ms);
  f(4, s.steps_total);  // since format 5
}
template <class F, tagalign::Is<Setting> T>
void fields(F& f, T& s) {
  f(1, s.subject);
  f(2, s.value);
  f(3, s.of_method);
}
template <class F, tagalign::Is<EvaluationResult> T>
void fields(F& f, T& s) {
  f(1, s.key);
  f(2, s.method);
  f(3, s.step);
  f(4, s.dataset);
  f(5, s.dataset_digest);
  f(6, s.weights_digest);
  f(7, s.protocol);
  f(8, s.code_version);
  f(9, s.images);
  f(10, s.classes);
  f(11, s.intersect);
  f(12, s.union_);
  f(13, s.predicted);
  f(14, s.labelled);
  f(15, s.average_precision);  // since format 3
}

}  // namespace wire
}  // namespace tagalign
