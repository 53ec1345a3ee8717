/// Writing a sharded checkpoint, by all ranks together and behind the training's back.
///
/// begin() only looks at what this rank has to write (its share of what all ranks hold, and all of
/// what it alone holds); threads of the saver's copy it, and write, hash and sync the copy. What the
/// ranks must tell each other they say in two short meetings that the caller holds when it likes, on
/// its own thread: the saver itself never calls anybody.
///
///     saver.begin(tensors, position);                  // at step S
///     … what leaves the tensors alone: the next forward and backward passes
///     saver.settle();                                  // as a rule copied by now
///     … the update, more steps; with each one the ranks vote: do all say saver.ready()? Then
///     saver.meet(gather) → nothing yet                 // the shards are written; rank 0 publishes
///     saver.meet(gather) → the manifest                // published: the checkpoint exists
///
/// Order     begin() when idle(); settle() before the tensors change; then meet() or finish(), on all
///           ranks alike, until it is idle again.
/// Threads   every call from one thread. The destructor waits for the thread; what was begun and not
///           finished leaves nothing but names that start with a dot.
/// Failure   of any rank is everybody's: the next meet() gives it with the rank's number, and the
///           saver is idle again. kNoSpace on a full disk; the previous checkpoints stay good. What
///           begin() refuses is such a failure: it, too, takes part in one meeting.
/// Truth     the bytes are hashed anew as they are written and compared with the hash that was taken
///           of the live tensors while they were copied; a difference fails the save (kDataLoss).
///           A tensor that is changed before settle() may be saved half old and half new.
/// Memory    a copy of the rank's share, kept from save to save: all but the first find its pages warm.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/status.h"
#include "checkpoint/lease.h"
#include "checkpoint/run_position.h"
#include "checkpoint/tensors.h"

namespace tagalign::checkpoint {

/// Gathers one string of every rank to all ranks, in rank order; also a barrier.
using AllGather = std::function<Result<std::vector<std::string>>(const std::string& mine)>;

/// What the ranks of one save need of each other; jobs implement it with the collective group.
struct Coordination {
  int rank = 0;
  int world = 1;
  AllGather all_gather;
};

/// A manifest is published only while FOLDER/lease names this writer, an older attempt or job of
/// its coordinator, or nobody: a gang that was given up for lost cannot overwrite its successor.
struct SaveOptions {
  Path folder;  ///< parent of the step folders
  Lease lease;
};

class Saver {
 public:
  /// `files` must outlive the saver.
  Saver(FileSystem& files, SaveOptions options, int rank, int world);
  ~Saver();

  /// Takes memory for saves of such tensors ahead, in the background: the first begin() then costs what
  /// all others cost. Not needed; without effect unless idle().
  void expect(const std::vector<TensorView>& tensors);

  bool idle() const;
  /// Replicated tensors and the position must be equal on all ranks; sharded ones are this rank's.
  /// The tensors' bytes must live and stay as they are until settle() has returned. kInvalidArgument
  /// for names and sizes that no checkpoint can hold, kUnavailable for want of memory: the next meeting
  /// tells the other ranks, so go on to meet() or finish() even then. kInternal unless idle(): the save
  /// in progress goes on.
  Status begin(const std::vector<TensorView>& tensors, const RunPosition& position);
  /// Returns when the tensors of begin() are copied; at once when nothing is to be copied. meet(),
  /// finish() and the destructor imply it.
  void settle();
  /// True when this rank's side of the next meeting is there; false when idle.
  bool ready() const;
  /// Collective: holds the next meeting, waiting for this rank's side of it. The manifest once the
  /// checkpoint exists on stable storage (or existed already with equal step and content).
  Result<std::optional<Manifest>> meet(const AllGather& gather);
  /// Collective: all meetings that are left. Nothing when no save is in progress.
  Result<std::optional<Manifest>> finish(const AllGather& gather);

 private:
  class Work;
  std::unique_ptr<Work> work_;
};

/// Collective: a whole save at once.
Result<Manifest> save(FileSystem& files, const Coordination& coordination,
                      const SaveOptions& options, const std::vector<TensorView>& tensors,
                      const RunPosition& position);

}  // namespace tagalign::checkpoint
