/// A rank of an exec job that MPI's launcher starts: this program in the rank's place, which speaks to
/// the agent for a program that does not.
#pragma once

#include <string>
#include <vector>

namespace tagalign::exec {

/// The first word of its command line.
inline constexpr const char* kExecRank = "exec-rank";

/// `tagalign exec-rank --config FILE [--set KEY=VALUE]…`, as mpirun and srun call it: runs the
/// configuration's command as a child, tells its agent that it lives, what it reports and how it ended,
/// and hands a request to leave on as SIGTERM. The child's output goes to rank-N.log of the attempt.
/// Returns the child's exit code; a signal that ended the child, and that it did not bring upon itself,
/// ends this process too. Without an agent's environment: 2, after saying so.
int run_exec_rank(const std::vector<std::string>& arguments);

}  // namespace tagalign::exec
