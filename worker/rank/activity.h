/// What this process is doing, for whoever asks whether it still gets on: its phase, how often
/// something was done, the collective that it is in, and the last ones.
///
/// Written by the threads that work, read by the reporter's: every call is short and takes one lock.
#pragma once

#include <array>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "base/clock.h"
#include "coordinator/wire/messages.h"

namespace tagalign::jobs {

/// One collective as this rank saw it. `ended_ms` 0: not yet.
struct CollectiveRecord {
  std::uint64_t number = 0;  ///< from 1, as the group counts
  std::string_view name;     ///< of static life
  std::uint64_t bytes = 0;   ///< that this rank gave
  MonotonicMs begun_ms = 0;
  MonotonicMs ended_ms = 0;
};

/// How many of them are kept.
inline constexpr std::size_t kCollectivesKept = 64;

class Activity {
 public:
  explicit Activity(Clock& clock) : clock_(clock) {}

  void enter(wire::Phase phase);
  /// A step, an image, a file: the work has moved.
  void move();
  /// `name` has static life. One at a time, from one thread.
  void begin_collective(std::string_view name, std::uint64_t bytes);
  void end_collective();

  struct View {
    wire::Phase phase = wire::Phase::kStart;
    std::uint64_t moves = 0;
    std::uint64_t collectives = 0;  ///< entered
    std::string_view collective;    ///< that it is in; empty outside
  };
  View view() const;
  /// The newest last.
  std::vector<CollectiveRecord> collectives() const;
  /// Spent inside collectives, all together.
  std::int64_t collective_ms() const;

 private:
  Clock& clock_;
  mutable std::mutex mutex_;
  View view_;
  std::array<CollectiveRecord, kCollectivesKept> kept_;  ///< number modulo the size is the place
  std::int64_t collective_ms_ = 0;
};

}  // namespace tagalign::jobs
