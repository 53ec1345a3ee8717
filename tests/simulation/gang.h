/// A simulated gang: a launcher and its ranks, which take steps together, publish checkpoints under
/// the lease, report, say farewell, and die in every way that we know of.
///
/// Held by shared pointer: what waits in the world's queue keeps it. One thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/process.h"
#include "tests/simulation/rank.h"

namespace tagalign::simulation {

/// What a launcher's command line, its environment and its configuration say.
struct Program {
  AttemptKey key;
  std::string mark;  ///< TAGALIGN_GANG
  std::string verb;  ///< train, evaluate, …
  int ranks = 1;
  int slots = 1;                  ///< of all ranks, as the configuration beside it says
  std::vector<std::string> gpus;  ///< CUDA_VISIBLE_DEVICES
  std::vector<std::string> overrides;
};
/// Fails when `disk` does not hold the configuration.
Result<Program> read_program(const ProcessOptions& options, FileSystem& disk);
/// The configuration of a job whose ranks hold so many slots each.
std::string configuration(int slots_per_rank);

class Gang : public std::enable_shared_from_this<Gang> {
 public:
  using Died = std::function<void(int pid)>;

  Gang(World& world, Program program, int first_pid, const Rank::Send& send, Died died);

  void begin();
  /// SIGTERM or SIGKILL to the launcher.
  void signal_launcher(int signal);
  /// SIGKILL to one of its processes.
  void kill_process(int pid);
  void power_cut();

  const Program& program() const { return program_; }
  int launcher_pid() const { return launcher_pid_; }
  const std::optional<ExitStatus>& launcher_exit() const { return exit_; }
  std::vector<int> living() const;
  Rank* find_rank(const std::string& peer);

 private:
  void advance();
  void advance_later();
  bool misfortune();
  void resume(std::map<std::uint64_t, wire::CheckpointInfo>::const_iterator next);
  void train_step(bool leaving);
  void publish(bool scheduled, const std::function<void()>& then);
  std::optional<wire::CheckpointInfo> commit(bool scheduled);
  void evaluate();
  void report(const wire::FromRank& event, std::function<void()> then);
  void leave(int code);
  void fail(Rank& rank, int code, const std::string& reason);
  void on_rank_end(Rank& rank, ExitStatus status);
  void launcher_sees(ExitStatus status);
  void end_launcher(ExitStatus status, bool kill_ranks);
  bool told_to_leave() const;
  std::uint64_t step() const { return ranks_.front()->step; }

  World& world_;
  const Program program_;
  const int launcher_pid_;
  Died died_;
  std::vector<std::shared_ptr<Rank>> ranks_;
  std::optional<ExitStatus> exit_;
  std::int64_t step_ms_max_ = 4'000;
  bool deaf_ = false;    ///< never hears that it should leave
  bool hung_ = false;    ///< a launcher that reacts to SIGKILL only
  bool aborts_ = false;  ///< the launcher has seen a failure and will end the others
};

}  // namespace tagalign::simulation
