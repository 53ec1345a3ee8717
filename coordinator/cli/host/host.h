/// What the command line borrows from the machine; main.cpp fills it with the real
/// thing, tests with fakes.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/file_system.h"
#include "base/process.h"
#include "base/status.h"
#include "coordinator/cli/host/connection.h"
#include "coordinator/cli/host/doctor.h"
#include "coordinator/cli/host/output.h"
#include "coordinator/cli/host/past.h"
#include "coordinator/keys/given_keys.h"
#include "coordinator/wire/client_messages.h"

namespace tagalign::cli {

/// `tagalign coordinator run`: the daemon in the foreground.
struct CoordinatorArguments {
  Path state;
  /// "tcp://ADDRESS:PORT"; absent: as last time, at first any local port.
  std::optional<std::string> listen;
  std::optional<int> slots;    ///< of the local agent; absent: GPUs, else cores
  std::string pool = "local";  ///< local (starts one agent here) | none
};

/// `tagalign agent`.
struct AgentArguments {
  Path state;
  std::string id;            ///< empty: Slurm's name of node and allocation, else the host's name
  std::optional<int> slots;  ///< absent: GPUs, else cores; inside Slurm: of the allocation
  std::optional<int> gpus;   ///< absent: of the allocation; none outside of Slurm
  std::string pool;          ///< that brings it up; empty: by hand
  std::string launcher = "mpirun";  ///< of gangs over several nodes: mpirun | srun
  std::string interface;            ///< of MPI and NCCL; empty: they choose
  Path key;                         ///< instead of what lies in `state`; empty: that
  std::string connect;              ///< with `key`: the coordinator's endpoint; empty: what it says
  Path worker;                      ///< empty: tagalign-worker beside this program
  std::string mpirun = "mpirun";    ///< name on PATH, or a path
};

struct Host {
  std::ostream& out;
  std::ostream& err;
  bool is_terminal = false;  ///< err is a terminal: a live line may be drawn
  bool has_colours = false;  ///< out is a terminal, and NO_COLOR is unset
  Clock& clock;
  FileSystem& files;
  std::function<std::optional<std::string>(const std::string&)> environment;
  std::function<std::unique_ptr<Connection>(const Way& way)> connect;
  std::function<std::string()> random_token;
  /// Adds `text` to the end of a file in one write; makes the file where it is missing.
  std::function<Status(const Path& file, const std::string& text)> append;
  /// The command that an agent would run for a launch.
  std::function<std::vector<std::string>(const wire::Launch&)> gang_command;
  std::function<int(const CoordinatorArguments&)> run_coordinator;
  std::function<int(const AgentArguments&)> run_agent;
  /// Starts `tagalign ARGUMENTS…` in its own session, its output appended to `log`.
  std::function<Result<pid_t>(const std::vector<std::string>& arguments, const Path& log)>
      start_detached;
  /// How a process of start_detached() ended; nullopt while it runs.
  std::function<std::optional<ExitStatus>(pid_t)> exit_of;
  /// Makes the folder with its keys.
  std::function<Status(const Path& state)> create_state_folder;
  /// What coordinator/keys/given_keys.h does with a state folder.
  std::function<Result<wire::GivenKey>(const Path& state, const wire::NewKey& wanted)> add_key;
  std::function<Result<std::vector<wire::AllowedKey>>(const Path& state)> list_keys;
  std::function<Result<std::vector<wire::AllowedKey>>(const Path& state, const std::string& name)>
      revoke_key;
  /// Runs `tagalign-worker ARGUMENTS…` to its end and captures what it says.
  std::function<Result<CommandOutput>(const std::vector<std::string>& arguments)> ask_worker;
  /// Everything that doctor looks at.
  std::function<std::vector<Check>(const Path& state)> examine;
  /// The same of the Slurm cluster; `partition` empty: the default one.
  std::function<std::vector<Check>(const Path& state, const std::string& partition)> examine_slurm;
  /// Becomes `tagalign-worker ARGUMENTS…`, with this terminal and working folder; its exit code is
  /// the answer. Returns an error when it cannot start.
  std::function<Result<int>(const std::vector<std::string>& arguments)> run_worker;
  Past past = {};
};

/// What a command gets.
struct Context {
  Host& host;
  Path state;
  Writer& writer;
  OutputFormat format = OutputFormat::kTable;
  Path key = {};              ///< how to reach the coordinator without `state`
  std::string endpoint = {};  ///< with `key`

  std::unique_ptr<Connection> connect() const { return host.connect({state, key, endpoint}); }
};

}  // namespace tagalign::cli
