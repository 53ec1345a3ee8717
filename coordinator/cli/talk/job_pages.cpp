#include "coordinator/cli/talk/job_pages.h"

namespace tagalign::cli {

using wire::JobsReply;
using wire::JobSummary;

Result<std::vector<JobSummary>> all_pages(Connection& connection, wire::JobsRequest request) {
  std::vector<JobSummary> jobs;
  bool more = true;
  while (more) {
    TA_ASSIGN_OR_RETURN(JobsReply page, ask<JobsReply>(connection, request));
    jobs.insert(jobs.end(), page.jobs.begin(), page.jobs.end());
    more = page.more && !page.jobs.empty();
    if (more) request.after = page.jobs.back().id;
  }
  return jobs;
}

}  // namespace tagalign::cli
