/// Workflows that ended long ago leave the live state: their jobs, templates and counts go, and what
/// stays is a line for each workflow and, for each result, what is needed to know it again.
///
/// What leaves is not lost: the store keeps its facts and results in its archive. Pure.
#pragma once

#include "coordinator/core/state.h"

namespace tagalign::core {

/// Takes a workflow out of the state and its index: O(its jobs and results). Requires that all of
/// its jobs have ended.
void archive_workflow(State& state, WorkflowId workflow);

/// Equal for results of one key that say the same (wire::same_counts).
std::uint64_t counts_digest(const wire::EvaluationResult& result);

/// Numbers that were never given, whatever has been archived.
JobId next_job_id(const State& state);
WorkflowId next_workflow_id(const State& state);

}  // namespace tagalign::core
