/// What of a simulated gang runs on one machine: its launcher, or the launcher's daemon on another
/// node, and the ranks there. What one part does to the others is in gang.h.
///
/// Held by shared pointer: what waits in the world's queue keeps it. One thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/process.h"
#include "tests/simulation/gangs/rank.h"

namespace tagalign::simulation {

class Gang;

/// What the command line, the environment and the configuration of a launcher or a daemon say.
struct Program {
  AttemptKey key;
  std::string mark;                 ///< TAGALIGN_GANG
  std::string verb;                 ///< train, evaluate, …
  std::vector<int> ranks_of_parts;  ///< the head's first
  int slots_per_rank = 1;           ///< as the configuration beside it says
  std::vector<std::string> overrides;

  std::size_t part = 0;           ///< which of them this is
  std::vector<std::string> gpus;  ///< CUDA_VISIBLE_DEVICES
  int slots() const { return ranks_of_parts.at(part) * slots_per_rank; }
};

/// What the machine gives it.
struct Place {
  AgentId agent;
  Rank::Send send;
  std::function<void(int pid)> died;
};

class Part : public std::enable_shared_from_this<Part> {
 public:
  Part(World& world, std::shared_ptr<Gang> gang, Program program, int first_pid, Place place);

  /// SIGTERM or SIGKILL to the launcher.
  void signal_launcher(int signal);
  /// SIGKILL to one of its processes.
  void kill_process(int pid);
  void power_cut();
  /// A rank ended: what follows is the gang's.
  void on_rank_end(Rank& rank, ExitStatus status);
  void end_launcher(ExitStatus status, bool kill_ranks);

  const Program& program() const { return program_; }
  const AgentId& agent() const { return place_.agent; }
  int launcher_pid() const { return launcher_pid_; }
  const std::optional<ExitStatus>& launcher_exit() const { return exit_; }
  const std::vector<std::shared_ptr<Rank>>& ranks() const { return ranks_; }
  std::vector<int> living() const;
  /// A rank, or a helper of the launcher.
  Rank* find_rank(const std::string& peer);
  /// The launcher's remote shell: asks the agent here for a daemon elsewhere.
  void ask_for_daemon(std::size_t part, const std::function<void()>& failed);

  bool hung = false;    ///< a launcher that reacts to SIGKILL only
  bool silent = false;  ///< nobody heard of its end

 private:
  World& world_;
  std::shared_ptr<Gang> gang_;
  const Program program_;
  const int launcher_pid_;
  const Place place_;
  std::vector<std::shared_ptr<Rank>> ranks_;
  std::vector<std::shared_ptr<Rank>> helpers_;
  std::optional<ExitStatus> exit_;
};

/// Of the launcher on the head. Fails when `disk` does not hold the configuration.
Result<Program> read_program(const ProcessOptions& options, FileSystem& disk);
/// The job, attempt and part that a daemon's command line names; nullopt when it is a launcher's.
struct DaemonCommand {
  AttemptKey key;
  std::size_t part = 0;
};
std::optional<DaemonCommand> read_daemon(const ProcessOptions& options);
/// The configuration of a job whose ranks hold so many slots each.
std::string configuration(int slots_per_rank);
/// What a process was given of its machine.
std::vector<std::string> gpus_of(const ProcessOptions& options);

}  // namespace tagalign::simulation
