/// What the jobs of a workflow may be called and may wait for. Whoever reads a workflow file and
/// whoever takes one in judge by this, and say it in their own words. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tagalign {

inline constexpr int kPriorityMax = 1'000;  ///< of a job, and as much below 0
inline constexpr std::int64_t kTimeLimitSMax = 10ll * 365 * 86'400;

/// [a-z0-9], then [a-z0-9_.-], at most limits::kJobNameCharsMax characters.
bool is_job_name(std::string_view name);

/// A job as far as others wait for it.
struct JobNode {
  std::string name;
  std::vector<std::string> after;  ///< what must have succeeded, then what must only have ended
  std::string on_commit_of;        ///< empty: it runs once
};

struct JobGraphFault {
  enum class Kind {
    kName,           ///< `job` has no is_job_name()
    kNameTaken,      ///< an earlier job has its name
    kUnknownAfter,   ///< after[entry] is no job
    kRepeatedAfter,  ///< after[entry] stands in the list twice
    kUnknownSource,  ///< on_commit_of is no job
    kSourceFollows,  ///< on_commit_of follows the checkpoints of a third one
    kCircle,         ///< `circle` wait for each other, the first for the second and so on
  };
  Kind kind = Kind::kName;
  std::size_t job = 0;
  std::size_t entry = 0;
  std::vector<std::size_t> circle = {};

  bool operator==(const JobGraphFault&) const = default;
};

/// All of them, job by job; circles only where nothing else is wrong.
std::vector<JobGraphFault> check_job_graph(std::span<const JobNode> jobs);

}  // namespace tagalign
