/// The agent's memory of what the coordinator has not yet acknowledged.
///
/// Events get consecutive sequence numbers and are on stable storage when append() returns ok. The
/// spool is a folder of segments, spool-<first sequence>.log, each a run of records (spool.md). A
/// segment is written once, from its start: every open() and every failed append begins a new one,
/// so a torn tail never hides a later record.
///
/// Owns     the files named spool-*.log in its folder. Borrows the file system, which must outlive
///          it.
/// Failure  append() that fails has not used up its sequence number; the caller tries again later.
/// Cost     append() is one fsync; acknowledge() removes whole segments only.
/// Threads  one.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "base/file_system.h"
#include "base/status.h"
#include "coordinator/protocol/messages.h"

namespace tagalign::agent {

class Spool {
 public:
  /// Reads what is there; damaged or torn tails are cut and said in the log.
  static Result<Spool> open(FileSystem& files, const Path& folder);

  /// Returns the event's sequence number.
  Result<std::uint64_t> append(const protocol::AgentEvent& event);
  /// Events up to and including `sequence` are no longer needed.
  Status acknowledge(std::uint64_t sequence);

  /// Oldest first.
  const std::deque<protocol::SequencedEvent>& unacknowledged() const { return events_; }
  std::uint64_t next_sequence() const { return next_sequence_; }

 private:
  struct Segment {
    Path path;
    std::uint64_t first_sequence = 0;
  };

  Spool(FileSystem& files, Path folder) : files_(&files), folder_(std::move(folder)) {}
  Status load();
  void load_segment(const Segment& segment);
  Status begin_segment();
  Status write_record(const protocol::SequencedEvent& event);

  FileSystem* files_;
  Path folder_;
  std::vector<Segment> segments_;  ///< oldest first; the last one is open when file_ is set
  std::unique_ptr<WritableFile> file_;
  std::uint64_t file_bytes_ = 0;
  std::deque<protocol::SequencedEvent> events_;
  std::uint64_t next_sequence_ = 1;
};

}  // namespace tagalign::agent
