/// squeue for all jobs of one user, and how to read what it prints, also when that was cut short.
/// Pure, as commands.h is.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace tagalign::slurm {

/// Run it with SLURM_TIME_FORMAT=%s: times are then seconds and know no time zone.
std::vector<std::string> user_queue_command(const std::string& user);

struct UserQueueRow {
  std::string job;  ///< "123", of an array "123_[1-3]" or "123_4", of a part of several "123+0"
  std::string name;
  std::string state;  ///< PENDING, RUNNING, …: whatever Slurm calls it
  int restarts = 0;
  std::int64_t ends_s = 0;  ///< Unix seconds; 0: not known, or never
  std::string nodes;        ///< a list, as expand_node_list() takes it
  std::string comment;      ///< empty where there is none
  std::string reason;       ///< of a job that waits; else mostly "None"
};
struct UserQueue {
  std::vector<UserQueueRow> rows;
  /// Empty: every row was read; lines that are none, such as "CLUSTER: c1", do not count. Else what is
  /// wrong with the first that was not: a job that is in no row may still be there.
  std::string damage;
};
UserQueue parse_user_queue(std::string_view output);

/// Seconds since 1970 of "1795732575" or local "2026-11-26T22:36:15"; 0 for N/A, Unknown,
/// NONE, INVALID, NOT_SET, UNLIMITED and nothing at all.
Result<std::int64_t> parse_time(std::string_view text);

/// What sbatch, squeue and scancel say when no controller answered: whether the request was
/// carried out is then not known.
bool is_unanswered(std::string_view message);

}  // namespace tagalign::slurm
