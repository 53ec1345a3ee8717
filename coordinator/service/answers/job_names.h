/// Jobs and workflows as a person names them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "coordinator/core/core.h"

namespace tagalign::service {

/// `name`: a number, or a job's name, which stands for the newest of that name. kNotFound says what
/// is alike, or what there is.
Result<JobId> newest_job(const core::State& state, const std::string& name);

/// What selectors stand for (client_messages.h), each job once, by number. kNotFound names the first
/// that stands for nothing.
Result<std::vector<JobId>> select_jobs(const core::State& state,
                                       const std::vector<std::string>& selectors);

/// Those of a workflow, by number.
const std::vector<JobId>& jobs_of(const core::State& state, WorkflowId workflow);

/// What a name stands for.
struct Named {
  std::optional<JobId> job;
  std::optional<WorkflowId> workflow;
};
/// A workflow goes before a job. Errors as newest_job().
Result<Named> look_up(const core::State& state, const std::string& name);

/// The newest of that name whose jobs are in the store's archive.
std::optional<WorkflowId> newest_archived(const core::State& state, const std::string& name);

/// The newest workflow of that name.
std::optional<WorkflowId> newest_workflow(const core::State& state, const std::string& name);

}  // namespace tagalign::service
