/// Child processes. One start path for agents, gangs and the daemon, with what goes wrong
/// said at the start.
#pragma once

#include <sys/types.h>

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file_system.h"
#include "base/status.h"

namespace tagalign {

struct ProcessOptions {
  std::vector<std::string> command;  ///< command[0] is looked up on PATH unless it holds a slash
  std::map<std::string, std::string> environment;  ///< added to, or replacing, the parent's
  /// True for variables of the parent that the child does not get; nullptr: it gets all.
  bool (*drops)(std::string_view name) = nullptr;
  std::optional<Path> working_directory;
  std::optional<Path> stdout_file;  ///< appended to; otherwise /dev/null
  std::optional<Path> stderr_file;  ///< may equal stdout_file; otherwise /dev/null
  bool own_process_group = false;   ///< the child leads a new group: kill(-pid) reaches all of it
  bool own_session = false;         ///< setsid: survives the parent's terminal
  /// SIGKILL when the starting thread's process ends (PR_SET_PDEATHSIG).
  bool die_with_parent = false;
};

/// Starts without waiting; stdin is /dev/null; descriptors above 2 are closed. kNotFound when
/// the program does not exist, reported here and not by a child that dies silently. The
/// caller reaps with waitpid.
Result<pid_t> start_process(const ProcessOptions& options);

/// How a process ended, from waitpid's status word.
struct ExitStatus {
  int code = 0;    ///< meaningful when signal is 0
  int signal = 0;  ///< terminating signal or 0
  bool ok() const { return code == 0 && signal == 0; }
  std::string to_string() const;  ///< "exit code 3", "killed by signal 9 (SIGKILL)"
};
ExitStatus decode_exit_status(int wait_status);

/// Runs to the end and captures stdout (and stderr, merged); kTimeout kills it. `drops`: as above.
struct CommandOutput {
  ExitStatus exit;
  std::string output;
};
Result<CommandOutput> run_command(const std::vector<std::string>& command, std::int64_t timeout_ms,
                                  bool (*drops)(std::string_view name) = nullptr);

/// Start time of a process in clock ticks since boot (field 22 of /proc/PID/stat): with the pid it
/// names a process for good. nullopt when there is none.
std::optional<std::uint64_t> process_start_ticks(pid_t pid);

/// How long ago this process started, in milliseconds; nullopt where /proc does not say.
std::optional<std::int64_t> process_age_ms();

/// Absolute path of the running program.
Path self_executable();
/// First hit on PATH.
std::optional<Path> find_program(const std::string& name);
std::string host_name();

}  // namespace tagalign
