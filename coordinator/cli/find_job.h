/// Jobs and workflows as a person names them.
#pragma once

#include <string>
#include <vector>

#include "coordinator/cli/connection.h"

namespace tagalign::cli {

/// `name`: a number, or a job's name, which stands for the newest of that name. kNotFound says what
/// there is.
Result<protocol::JobSummary> find_job(Connection& connection, const std::string& name);

/// The jobs that `name` stands for: one job by number or name, or all of the newest workflow of
/// that name. Empty: all.
Result<std::vector<protocol::JobSummary>> find_jobs(Connection& connection,
                                                    const std::string& name);

}  // namespace tagalign::cli
