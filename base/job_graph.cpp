#include "base/job_graph.h"

#include <algorithm>
#include <map>

#include "base/limits.h"

namespace tagalign {
namespace {

using Kind = JobGraphFault::Kind;
using Numbers = std::map<std::string_view, std::size_t>;

/// Of the first job of each name.
Numbers numbers_of(std::span<const JobNode> jobs) {
  Numbers numbers;
  for (std::size_t i = 0; i < jobs.size(); ++i) numbers.emplace(jobs[i].name, i);
  return numbers;
}

void check_names(std::span<const JobNode> jobs, const Numbers& numbers,
                 std::vector<JobGraphFault>& faults) {
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    if (!is_job_name(jobs[i].name)) faults.push_back({.kind = Kind::kName, .job = i});
    if (numbers.at(jobs[i].name) != i) faults.push_back({.kind = Kind::kNameTaken, .job = i});
  }
}

void check_references(std::span<const JobNode> jobs, std::size_t i, const Numbers& numbers,
                      std::vector<JobGraphFault>& faults) {
  const JobNode& job = jobs[i];
  std::map<std::string_view, int> uses;
  for (const std::string& name : job.after) ++uses[name];
  for (std::size_t entry = 0; entry < job.after.size(); ++entry) {
    if (!numbers.contains(job.after[entry])) {
      faults.push_back({.kind = Kind::kUnknownAfter, .job = i, .entry = entry});
    } else if (uses.at(job.after[entry]) > 1) {
      faults.push_back({.kind = Kind::kRepeatedAfter, .job = i, .entry = entry});
    }
  }
  if (job.on_commit_of.empty()) return;
  const auto source = numbers.find(job.on_commit_of);
  if (source == numbers.end()) {
    faults.push_back({.kind = Kind::kUnknownSource, .job = i});
  } else if (!jobs[source->second].on_commit_of.empty()) {
    faults.push_back({.kind = Kind::kSourceFollows, .job = i});
  }
}

/// What each job waits for.
std::vector<std::vector<std::size_t>> needs_of(std::span<const JobNode> jobs,
                                               const Numbers& numbers) {
  std::vector<std::vector<std::size_t>> needs(jobs.size());
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    for (const std::string& name : jobs[i].after) needs[i].push_back(numbers.at(name));
    if (!jobs[i].on_commit_of.empty()) needs[i].push_back(numbers.at(jobs[i].on_commit_of));
  }
  return needs;
}

/// Marks the jobs that can be put in an order: each after all that it needs. Linear in the number
/// of dependencies, without recursion.
std::vector<bool> in_order(const std::vector<std::vector<std::size_t>>& needs) {
  std::vector<std::size_t> open(needs.size());
  std::vector<std::vector<std::size_t>> needed_by(needs.size());
  std::vector<std::size_t> ready;
  for (std::size_t i = 0; i < needs.size(); ++i) {
    open[i] = needs[i].size();
    for (const std::size_t need : needs[i]) needed_by[need].push_back(i);
    if (open[i] == 0) ready.push_back(i);
  }
  std::vector<bool> done(needs.size());
  while (!ready.empty()) {
    const std::size_t job = ready.back();
    ready.pop_back();
    done[job] = true;
    for (const std::size_t next : needed_by[job]) {
      if (--open[next] == 0) ready.push_back(next);
    }
  }
  return done;
}

/// Walks from a job that is left over along what is left over, until it comes round.
void check_circle(std::span<const JobNode> jobs, const Numbers& numbers,
                  std::vector<JobGraphFault>& faults) {
  const auto needs = needs_of(jobs, numbers);
  const std::vector<bool> done = in_order(needs);
  for (const auto& [name, number] : numbers) {
    if (done[number]) continue;
    std::vector<std::size_t> walk;
    std::size_t job = number;
    while (std::ranges::find(walk, job) == walk.end()) {
      walk.push_back(job);
      const auto next =
          std::ranges::find_if(needs[job], [&](std::size_t need) { return !done[need]; });
      job = *next;
    }
    walk.erase(walk.begin(), std::ranges::find(walk, job));
    faults.push_back({.kind = Kind::kCircle, .job = job, .circle = std::move(walk)});
    return;
  }
}

}  // namespace

bool is_job_name(std::string_view name) {
  const auto alphanumeric = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  return !name.empty() && name.size() <= static_cast<std::size_t>(limits::kJobNameCharsMax) &&
         alphanumeric(name.front()) && std::ranges::all_of(name, [&](char c) {
           return alphanumeric(c) || c == '_' || c == '.' || c == '-';
         });
}

std::vector<JobGraphFault> check_job_graph(std::span<const JobNode> jobs) {
  std::vector<JobGraphFault> faults;
  const Numbers numbers = numbers_of(jobs);
  check_names(jobs, numbers, faults);
  for (std::size_t i = 0; i < jobs.size(); ++i) check_references(jobs, i, numbers, faults);
  if (faults.empty()) check_circle(jobs, numbers, faults);
  return faults;
}

}  // namespace tagalign
