/// The folder of checkpoints of one training run: who may write in it, where the run goes on, and
/// what it leaves behind.
///
/// Owns     the run's lease on the folder, and the reports that no agent has taken yet.
/// Order    open() once, then any number of save(), then report_unheard() when all steps are done.
/// Threads  that of the training loop; every call but report_unheard() is collective.
/// Failure  every rank returns an error when one rank has one. The folder then holds what it held
///          before the call, or one checkpoint more.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "checkpoint/lease.h"
#include "checkpoint/load.h"
#include "checkpoint/run_position.h"
#include "checkpoint/save.h"
#include "configs/schema/jobs/job_configs.h"
#include "model/training/state_dict.h"
#include "worker/rank/rank.h"

namespace tagalign::jobs {

/// What a commit holds, and where in the run it stands.
struct RunState {
  model::StateDict tensors;
  std::uint64_t step = 0;     ///< done
  std::uint64_t samples = 0;  ///< where the next batch begins
  std::map<std::string, double> scalars;
};

struct RunCheckpointOptions {
  std::string label;  ///< "train" or "pretrain"
  config::CheckpointConfig checkpoint;
  /// What every checkpoint of the run says of itself; save() fills in step, samples and scheduled.
  checkpoint::RunPosition run;
};

class RunCheckpoints {
 public:
  RunCheckpoints(Rank& rank, RunCheckpointOptions options);

  /// Takes the lease, reports every checkpoint that exists and returns the newest that verifies, on
  /// all ranks the same one. kAlreadyExists when a later attempt holds the folder;
  /// kInvalidArgument when the newest belongs to another configuration, data set or frozen model,
  /// and when there are checkpoints of which none can be read.
  Result<checkpoint::Newest> open();

  /// The newest again, on all ranks the same one: requires that open() was called.
  Result<checkpoint::Newest> newest();

  /// Commits and reports `state`, then removes what need not be kept. `pace`: of this rank so far;
  /// how long the save took is added.
  Status save(const RunState& state, bool scheduled, wire::Pace pace);

  /// Once more for every checkpoint that the agent did not take: after a run that succeeded nobody
  /// reports again, and it would never be evaluated.
  Status report_unheard();

 private:
  Path folder() const { return options_.checkpoint.directory; }
  Status take_lease();
  Status agree_on(const Result<checkpoint::Newest>& newest);
  Status judge_skipped(const checkpoint::Newest& newest);
  Status report_existing();
  void report(const checkpoint::Manifest& manifest, const wire::Pace& pace = {});
  Status check_same_run(const checkpoint::RunPosition& found) const;
  checkpoint::RunPosition position(const RunState& state, bool scheduled) const;

  Rank& rank_;
  const RunCheckpointOptions options_;
  checkpoint::Lease lease_;
  std::vector<wire::CheckpointInfo> unheard_;  ///< committed, but not reported yet
};

}  // namespace tagalign::jobs
