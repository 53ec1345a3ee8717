#include "coordinator/cli/find_job.h"

#include "base/format.h"

namespace tagalign::cli {

using wire::JobsReply;
using wire::JobSummary;

Result<JobSummary> find_job(Connection& connection, const std::string& name) {
  wire::JobsRequest request{.name = name, .scope = wire::JobNameScope::kJob};
  TA_ASSIGN_OR_RETURN(JobsReply reply, ask<JobsReply>(connection, request));
  if (reply.jobs.size() == 1) return std::move(reply.jobs.front());
  return data_loss(format("find job '{}': expected one job from the coordinator, found {}", name,
                          reply.jobs.size()));
}

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

Result<std::vector<JobSummary>> find_jobs(Connection& connection, const std::string& name) {
  return all_pages(connection, {.name = name});
}

}  // namespace tagalign::cli
