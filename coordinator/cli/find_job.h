/// Asking for jobs as a person names them; the coordinator knows what a name stands for.
#pragma once

#include <string>
#include <vector>

#include "coordinator/cli/connection.h"

namespace tagalign::cli {

/// `name`: a number, or a job's name, which stands for the newest of that name. kNotFound
/// says what there is.
Result<wire::JobSummary> find_job(Connection& connection, const std::string& name);

/// All jobs that `request` asks for, page after page.
Result<std::vector<wire::JobSummary>> all_pages(Connection& connection, wire::JobsRequest request);

/// The jobs that `name` stands for: all of the newest workflow of that name, or one job by number
/// or name. Empty: all.
Result<std::vector<wire::JobSummary>> find_jobs(Connection& connection, const std::string& name);

}  // namespace tagalign::cli
