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
  f(1, "start", s.start);
  f(2, "load", s.load);
  f(3, "first_step", s.first_step);
  f(4, "step", s.step);
  f(5, "save", s.save);
  f(6, "image", s.image);
  f(7, "wait", s.wait);
  f(8, "hang", s.hang);
}
template <class F, tagalign::Is<CommitNeed> T>
void fields(F& f, T& s) {
  f(1, "job", s.job);
  f(2, "step", s.step);
}
template <class F, tagalign::Is<JobSpec> T>
void fields(F& f, T& s) {
  f(1, "name", s.name);
  f(2, "kind", s.kind);
  f(3, "ranks", s.ranks);
  f(4, "slots_per_rank", s.slots_per_rank);
  f(5, "after", s.after);
  f(6, "on_commit_of", s.on_commit_of);
  f(7, "retries_max", s.retries_max);
  f(8, "config_yaml", s.config_yaml);
  f(9, "overrides", s.overrides);
  f(10, "ranks_per_node", s.ranks_per_node);  // since format 4, and all below
  f(11, "nodes_max", s.nodes_max);
  f(12, "pool", s.pool);
  f(13, "priority", s.priority);  // since format 5, and all below
  f(14, "time_limit_s", s.time_limit_s);
  f(15, "after_any", s.after_any);
  f(16, "commits_every", s.commits_every);
  f(17, "last_commit", s.last_commit);
  f(18, "newest_only", s.newest_only);
  f(19, "after_commit", s.after_commit);  // since format 6, and all below
  f(20, "best_of", s.best_of);
  f(21, "best_dataset", s.best_dataset);
  f(22, "group", s.group);
  f(23, "group_live_max", s.group_live_max);
  f(24, "deadlines", s.deadlines);
}
template <class F, tagalign::Is<CheckpointInfo> T>
void fields(F& f, T& s) {
  f(1, "step", s.step);
  f(2, "path", s.path);
  f(3, "digest", s.digest);
  f(4, "scheduled", s.scheduled);
}
template <class F, tagalign::Is<Pace> T>
void fields(F& f, T& s) {
  f(1, "start_ms", s.start_ms);
  f(2, "step_ms", s.step_ms);
  f(3, "save_ms", s.save_ms);
  f(4, "steps_total", s.steps_total);  // since format 5
}
template <class F, tagalign::Is<Setting> T>
void fields(F& f, T& s) {
  f(1, "subject", s.subject);
  f(2, "value", s.value);
  f(3, "of_method", s.of_method);
}
template <class F, tagalign::Is<EvaluationResult> T>
void fields(F& f, T& s) {
  f(1, "key", s.key);
  f(2, "method", s.method);
  f(3, "step", s.step);
  f(4, "dataset", s.dataset);
  f(5, "dataset_digest", s.dataset_digest);
  f(6, "weights_digest", s.weights_digest);
  f(7, "protocol", s.protocol);
  f(8, "code_version", s.code_version);
  f(9, "images", s.images);
  f(10, "classes", s.classes);
  f(11, "intersect", s.intersect);
  f(12, "union_", s.union_);
  f(13, "predicted", s.predicted);
  f(14, "labelled", s.labelled);
  f(15, "average_precision", s.average_precision);  // since format 3
}

}  // namespace wire
}  // namespace tagalign
