/// Jobs and workflows as a person names them.
#pragma once

#include <optional>
#include <string>

#include "base/status.h"
#include "coordinator/core/core.h"

namespace tagalign::service {

/// `name`: a number, or a job's name, which stands for the newest of that name. kNotFound says what
/// is alike, or what there is.
Result<JobId> newest_job(const core::State& state, const std::string& name);

/// The newest workflow of that name.
std::optional<WorkflowId> newest_workflow(const core::State& state, const std::string& name);

}  // namespace tagalign::service
