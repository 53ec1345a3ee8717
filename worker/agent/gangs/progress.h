/// Whether the ranks of a gang on this node get on, from their beats alone: which one hangs, since
/// when, and whom the others wait for. Pure: time comes in with every call.
///
/// A rank has a deadline for each phase, from one move to the next. A person may set it (`deadlines`
/// of the job); else it is learned, a factor times the longest such time that is usual in this job's
/// and its family's earlier attempts, or that this attempt has seen (of steps and images, times their
/// median), but never below a floor; where nothing is known yet it is long. An attempt that was taken for hung doubles all that
/// are not set, so that a wrong guess does not end a job for good.
///
/// A rank whose beats tell of no move at all does not report itself, and is not judged. Who waits in a
/// collective is not judged alone: whoever it waits for is. When all that are here
/// wait, nobody comes, and the gang is deadlocked.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "coordinator/wire/messages.h"

namespace tagalign::agent {

struct Hang {
  int rank = 0;
  MonotonicMs since_ms = 0;  ///< when it last moved
  bool reading = false;      ///< a file that does not come: not the program's fault
  std::string why;           ///< a sentence, without its end
};

class Progress {
 public:
  /// Of the ranks from `first_rank` on. `whole`: there are no others elsewhere, for which those here
  /// may wait and whose agent shall speak first.
  Progress(const wire::Patience& patience, int first_rank, int ranks, MonotonicMs now_ms,
           bool whole = true);

  void on_beat(const wire::RankBeat& beat, MonotonicMs now_ms);
  /// It owes nothing more.
  void on_end(int rank, MonotonicMs now_ms);

  std::optional<Hang> hang(MonotonicMs now_ms) const;
  /// Of a rank that was found to hang by other signs.
  Hang hang_of(int rank) const;
  /// How long a phase may last without a move. 0: for ever.
  std::int64_t deadline_ms(wire::Phase phase) const;

  /// Milliseconds by phase, added up over the ranks; since `hang` began all of them count as `hang`.
  wire::PhaseTimes spent(MonotonicMs now_ms, const std::optional<Hang>& hang = {}) const;
  /// Some rank has told of a move: what is known of phases is its own word.
  bool is_told() const;
  /// The longest time between two moves, by phase, of any rank.
  const wire::PhaseTimes& longest() const { return longest_; }

 private:
  struct Rank {
    wire::RankBeat beat;
    MonotonicMs moved_ms = 0;
    MonotonicMs seen_ms = 0;  ///< until when its time is in spent_
    bool heard = false;
    bool ended = false;
  };
  const Rank* stuck_alone(MonotonicMs now_ms) const;
  const Rank* stuck_together(MonotonicMs now_ms) const;
  std::int64_t deadline_of_many(wire::Phase phase) const;
  std::int64_t deadline_of_few(wire::Phase phase) const;
  bool is_late(const Rank& rank, MonotonicMs now_ms) const;
  std::string behind(const Rank& late) const;
  void note_interval(wire::Phase phase, std::int64_t interval_ms);

  wire::Patience patience_;
  bool whole_;
  std::map<int, Rank> ranks_;
  wire::PhaseTimes spent_;
  wire::PhaseTimes longest_;
  std::vector<std::int64_t> recent_;  ///< the last intervals of steps and images
  std::size_t next_recent_ = 0;
};

}  // namespace tagalign::agent
