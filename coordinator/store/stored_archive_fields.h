/// The part of the list of stored fields (stored_fields.h) that speaks of what was archived: all of it
/// since format 6. Private to coordinator/store.
#pragma once

#include "coordinator/core/facts.h"
#include "coordinator/store/tagged.h"

namespace tagalign::core {

template <class F, Is<ArchivedWorkflow> T>
void fields(F& f, T& s) {
  f(1, "name", s.name);
  f(2, "submitted_ms", s.submitted_ms);
  f(3, "ended_ms", s.ended_ms);
  f(4, "jobs", s.jobs);
  f(5, "token", s.token);
  f(6, "held_ms", s.held_ms);
}
template <class F, Is<ArchivedResult> T>
void fields(F& f, T& s) {
  f(1, "job", s.job);
  f(2, "counts", s.counts);
  f(3, "at_ms", s.at_ms);
  f(4, "workflows", s.workflows);
}
template <class F, Is<Archive> T>
void fields(F& f, T& s) {
  f(1, "workflows", s.workflows);
  f(2, "results", s.results);
  f(3, "last_job", s.last_job);
}
template <class F, Is<WorkflowArchived> T>
void fields(F& f, T& s) {
  f(1, "workflow", s.workflow);
}

}  // namespace tagalign::core
