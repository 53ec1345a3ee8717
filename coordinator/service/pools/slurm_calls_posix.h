/// Runs Slurm's programs for the core: one at a time, as a child with a time-out.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/file_system.h"
#include "coordinator/core/core.h"

namespace tagalign::service {

struct PoolPaths {
  Path state_folder;  ///< absolute, and where compute nodes see it too
  Path program;       ///< tagalign, likewise
  std::string mark;   ///< pool_mark() of this coordinator
};

/// Scripts, logs and what the last call printed are in STATE/pools/. One thread; no call blocks.
class SlurmCalls {
 public:
  /// `clock` is borrowed.
  SlurmCalls(PoolPaths paths, Clock& clock) : paths_(std::move(paths)), clock_(clock) {}
  /// Ends a call that is on its way: whether it was carried out is found out by the next coordinator.
  ~SlurmCalls();
  SlurmCalls(const SlurmCalls&) = delete;
  SlurmCalls& operator=(const SlurmCalls&) = delete;

  /// A call that is still on its way is ended without an answer.
  void ask(const core::AskSlurm& effect);
  std::vector<core::SlurmAnswered> news();

  static constexpr std::int64_t kTimeoutMs = 60'000;
  static constexpr std::uint64_t kOutputBytesMax = 16u << 20;

 private:
  struct Child {
    core::AskSlurm asked;
    pid_t pid = 0;
    MonotonicMs started_ms = 0;
  };
  Path folder() const { return paths_.state_folder / "pools"; }
  Path output() const { return folder() / "slurm.out"; }
  Path errors() const { return folder() / "slurm.err"; }

  Result<std::vector<std::string>> command_of(const core::SlurmCall& call);
  Result<std::vector<std::string>> submission(const core::SubmitCall& call);
  Status start(const core::AskSlurm& effect);
  void end_child();
  core::SlurmAnswered read_answer(const core::AskSlurm& asked, int wait_status);

  PoolPaths paths_;
  Clock& clock_;
  std::optional<Child> child_;
  std::vector<core::SlurmAnswered> ready_;
};

}  // namespace tagalign::service
