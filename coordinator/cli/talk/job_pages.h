/// Asking for jobs, page after page.
#pragma once

#include <vector>

#include "coordinator/cli/host/connection.h"

namespace tagalign::cli {

/// All jobs that `request` asks for.
Result<std::vector<wire::JobSummary>> all_pages(Connection& connection, wire::JobsRequest request);

}  // namespace tagalign::cli
