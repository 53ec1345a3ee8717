/// Command lines for Slurm's programs and what they print. Pure: whoever runs them is elsewhere.
///
/// squeue and sacct are asked for columns of our choice, because --json needs a plugin
/// that many sites lack.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace tagalign::slurm {

struct BatchRequest {
  std::string script;                  ///< path of the submission script
  std::vector<std::string> arguments;  ///< of the script
  std::string job_name = "tagalign";
  std::string partition;  ///< empty: the site's default
  std::string account;    ///< empty: the user's default
  int nodes = 1;
  int cpus_per_task = 0;  ///< 0: the site's default
  int gpus_per_node = 0;
  std::int64_t time_limit_s = 3600;
  /// SIGUSR1 to the batch shell that long before the limit.
  std::int64_t signal_before_end_s = 180;
  bool requeue = true;
  std::string output;  ///< log file pattern; empty: slurm-%j.out
  std::string comment;
  std::vector<std::string> sbatch_args;  ///< more options of sbatch, as they are
};
/// kInvalidArgument names the field. Job arrays are not offered: a workflow has its own jobs.
Result<std::vector<std::string>> sbatch_command(const BatchRequest& request);
/// Job id from the last whole line that is "123" or "123;cluster", as `sbatch --parsable` prints it, or
/// "Submitted batch job 123": sites let sbatch say other things before and behind it.
Result<std::uint64_t> parse_sbatch(std::string_view output);

/// Cancels them all with one call.
std::vector<std::string> scancel_command(const std::vector<std::string>& jobs);

std::vector<std::string> sacct_command(const std::vector<std::uint64_t>& jobs);
struct AccountingRow {
  std::uint64_t job = 0;
  std::string state;  ///< COMPLETED, FAILED, TIMEOUT, PREEMPTED, "CANCELLED by 1000", …
  int exit_code = 0;
  int signal = 0;
  std::int64_t elapsed_s = 0;  ///< 0 also where it is not known
};
/// Rows of sacct_command(): whole jobs; steps, empty lines and what a site prints beside are left out. A
/// code or a time that is not known is 0. An error where no row is among other lines, or none is whole.
Result<std::vector<AccountingRow>> parse_sacct(std::string_view output);

/// What Slurm tells a process about its allocation.
struct Allocation {
  std::uint64_t job = 0;
  std::vector<std::string> nodes;
  int cpus_on_node = 1;
  int gpus_on_node = 0;
  int restarts = 0;         ///< how often the job was requeued
  std::string node;         ///< Slurm's name of this node; empty outside of a step
  std::int64_t ends_s = 0;  ///< Unix time; 0: not told
};
/// Prints when a job ends, as Unix time: what Slurm before 23.02 does not tell the job itself.
std::vector<std::string> end_time_command(std::uint64_t job);
/// 0 when the output is no time: a job without a limit, or a controller that does not answer.
std::int64_t parse_end_time(std::string_view output);

/// From environment variables; nullopt outside of a Slurm job (no SLURM_JOB_ID).
Result<std::optional<Allocation>> read_allocation(
    const std::map<std::string, std::string>& environment);

}  // namespace tagalign::slurm
