#include "coordinator/cli/find_job.h"

#include <algorithm>
#include <set>

#include "base/format.h"

namespace tagalign::cli {
namespace {

using protocol::JobSummary;

bool is_number(const std::string& text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
}

const JobSummary* newest(const std::vector<JobSummary>& jobs, const std::string& name) {
  const JobSummary* found = nullptr;
  for (const JobSummary& job : jobs) {
    const bool fits = is_number(name) ? format("{}", job.id.value) == name : job.name == name;
    if (fits && (found == nullptr || job.id > found->id)) found = &job;
  }
  return found;
}

Status unknown(const std::vector<JobSummary>& jobs, const std::string& name) {
  std::set<std::string> names;
  for (const JobSummary& job : jobs) names.insert(job.name);
  if (names.empty())
    return not_found(format("there is no job '{}': nothing was submitted yet", name));
  return not_found(format("there is no job '{}'; there are numbers {} to {} and the names {}", name,
                          jobs.front().id.value, jobs.back().id.value, fmt::join(names, ", ")));
}

Result<std::vector<JobSummary>> all_jobs(Connection& connection) {
  TA_ASSIGN_OR_RETURN(auto reply, ask<protocol::JobsReply>(connection, protocol::JobsRequest{}));
  std::ranges::sort(reply.jobs, {}, &JobSummary::id);
  return std::move(reply.jobs);
}

}  // namespace

Result<JobSummary> find_job(Connection& connection, const std::string& name) {
  TA_ASSIGN_OR_RETURN(const auto jobs, all_jobs(connection));
  if (const JobSummary* job = newest(jobs, name)) return *job;
  return unknown(jobs, name);
}

Result<std::vector<JobSummary>> find_jobs(Connection& connection, const std::string& name) {
  TA_ASSIGN_OR_RETURN(auto jobs, all_jobs(connection));
  if (name.empty()) return jobs;
  WorkflowId workflow;
  for (const JobSummary& job : jobs) {
    if (job.workflow_name == name) workflow = std::max(workflow, job.workflow);
  }
  if (workflow.value > 0) {
    std::erase_if(jobs, [&](const JobSummary& job) { return job.workflow != workflow; });
    return jobs;
  }
  if (const JobSummary* job = newest(jobs, name)) return std::vector<JobSummary>{*job};
  return unknown(jobs, name);
}

}  // namespace tagalign::cli
