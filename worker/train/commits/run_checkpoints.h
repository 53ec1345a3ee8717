/// The folder of checkpoints of one training run: who may write in it, where the run goes on, and
/// what it leaves behind.
///
/// A commit goes on behind the steps: begin() returns while this rank's share of the state is being
/// copied, and settle() when it is. After each step the ranks vote; when all of them are ready() they
/// call go_on(), twice a commit.
///
/// Owns     the run's lease on the folder, the saver with its thread, on the first rank a thread
///          that reports and removes after a commit, and the reports that no agent has taken yet.
/// Order    open() once, then any number of commits, finish(), then report_unheard().
/// Threads  that of the training loop; every call but expect(), settle(), ready(), in_trouble() and
///          report_unheard() is collective. The destructor waits for the threads; a commit on its way is then given up.
/// Failure  every rank returns an error when one rank has one. The folder then holds what it held
///          before the call, or one checkpoint more.
#pragma once

#include <cstdint>
#include <future>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "checkpoint/lease.h"
#include "checkpoint/load.h"
#include "checkpoint/run_position.h"
#include "checkpoint/save.h"
#include "checkpoint/tensor_adapter.h"
#include "configs/schema/jobs/job_configs.h"
#include "model/training/state_dict.h"
#include "worker/rank/rank.h"

namespace tagalign::jobs {

/// What a commit holds, and where in the run it stands. The tensors are the live ones; what they
/// hold when begin() is called is saved. No operation of Torch's may change one before settle().
struct RunState {
  model::StateDict tensors;    ///< equal on all ranks
  model::PartDict parts = {};  ///< of tensors that the ranks have together
  std::uint64_t step = 0;      ///< done
  std::uint64_t samples = 0;   ///< where the next batch begins
  std::map<std::string, double> scalars;
};

struct RunCheckpointOptions {
  std::string label;  ///< "train" or "pretrain"
  config::CheckpointConfig checkpoint;
  /// What every checkpoint of the run says of itself; begin() fills in step, samples and scheduled.
  checkpoint::RunPosition run;
  /// Of tensors that this rank needs some elements of; all others are read whole.
  std::map<std::string, checkpoint::Range> needed = {};
};

class RunCheckpoints {
 public:
  RunCheckpoints(Rank& rank, RunCheckpointOptions options);
  ~RunCheckpoints();

  /// Takes the lease, reports every checkpoint that exists and returns the newest that verifies, on
  /// all ranks the same one. kAlreadyExists when a later attempt holds the folder;
  /// kInvalidArgument when the newest belongs to another configuration, data set or frozen model,
  /// and when there are checkpoints of which none can be read.
  Result<checkpoint::Newest> open();

  /// The newest again, on all ranks the same one. Requires open(), and finish() after a begin().
  Result<checkpoint::Newest> newest();

  /// Takes memory for commits of such a state ahead, in the background. Not collective.
  Status expect(const RunState& state);

  /// A commit of `state` is under way; one that still was is finished first. `pace`: of this rank
  /// so far; what the commit takes is added.
  Status begin(const RunState& state, bool scheduled, const wire::Pace& pace);
  /// Returns when the state may change again: at once, unless a commit is still being copied. kInternal
  /// when it has changed already.
  Status settle();
  /// This rank could go on with its commit. Does not wait.
  bool ready() const;
  /// What follows a commit has failed on the first rank: finish() says how. Does not wait.
  bool in_trouble();
  /// Requires ready(), for it would wait otherwise. What is committed is reported, and what need
  /// not be kept is removed, on a thread of the first rank.
  Status go_on();
  /// Returns when the commit under way exists and is reported, and what need not be kept is gone.
  Status finish();

  /// Once more for every checkpoint that the agent did not take: after a run that succeeded nobody
  /// reports again, and it would never be evaluated.
  Status report_unheard();

 private:
  class StandingStill;
  /// The commit under way.
  struct Pending {
    wire::Pace pace;
    MonotonicMs begun_ms = 0;
    std::int64_t stood_still_ms = 0;  ///< of the loop, because of it
  };

  Path folder() const { return options_.checkpoint.directory; }
  Status take_lease();
  Status agree_on(const Result<checkpoint::Newest>& newest);
  Status judge_skipped(const checkpoint::Newest& newest);
  Status report_existing();
  void report(const checkpoint::Manifest& manifest, const wire::Pace& pace = {});
  Status check_same_run(const checkpoint::RunPosition& found);
  checkpoint::RunPosition position(const RunState& state, bool scheduled) const;
  checkpoint::AllGather all_gather();
  Status finish_saver();
  void committed(const checkpoint::Manifest& manifest);
  void collect_aftermath();

  Rank& rank_;
  const RunCheckpointOptions options_;
  checkpoint::Lease lease_;
  checkpoint::HeldViews held_;                ///< of the commit that is being copied
  std::unique_ptr<checkpoint::Saver> saver_;  ///< since open()
  Pending pending_;
  std::vector<wire::CheckpointInfo> unheard_;  ///< committed, but not reported yet
  /// On the first rank: the newest commit is reported and older ones are removed. While it runs
  /// unheard_ is its own.
  std::future<Status> aftermath_;
  Status after_;  ///< the first error of those that have ended
};

}  // namespace tagalign::jobs
