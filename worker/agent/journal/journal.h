/// What an agent must not forget: which attempts it has ever accepted, so that none is launched
/// twice, and the events that the coordinator has not yet acknowledged.
///
/// One file of frames (journal.md) that is only appended to. commit() writes all that one round of
/// the agent has to keep as one frame, with one sync; when the file has grown, it is written anew
/// with what still counts, beside the old one, and renamed over it.
///
/// Owns     the file and its neighbour `<file>.new`. Borrows the file system, which must outlive
///          it.
/// Failure  a commit() that fails has changed nothing in memory, and the file holds the batch as a
///          whole or not at all; the next commit() writes the file anew. A damaged file is an
///          error: an agent that has forgotten what it launched must not launch.
/// Threads  one.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "base/file_system.h"
#include "base/status.h"
#include "coordinator/wire/messages.h"
#include "worker/agent/gangs/process_name.h"
#include "worker/agent/journal/journal_record.h"

namespace tagalign::agent {

/// What one round adds. Attempts are accepted before the events are kept.
struct JournalBatch {
  std::vector<AttemptKey> accepted;
  std::vector<wire::AgentEvent> events;
  bool empty() const { return accepted.empty() && events.empty(); }
};

class Journal {
 public:
  static constexpr std::uint64_t kRewriteBytesMin = 1u << 20;

  /// Changes nothing on the disk. The file is written anew once it has grown by `rewrite_bytes_min`
  /// and to twice what it was after the last time.
  static Result<Journal> open(FileSystem& files, const Path& path,
                              std::uint64_t rewrite_bytes_min = kRewriteBytesMin);

  /// True for this and every older attempt of the job.
  bool has_accepted(const AttemptKey& key) const;
  /// Accepted, and without an AttemptEnded.
  const std::map<AttemptKey, ProcessName>& open_attempts() const { return contents_.open; }
  /// Oldest first.
  const std::deque<wire::SequencedEvent>& unacknowledged() const { return contents_.events; }
  std::uint64_t next_sequence() const { return contents_.next_sequence; }

  /// The batch is on stable storage when this returns ok; its events have their sequence numbers.
  Status commit(const JournalBatch& batch);

  // Known at once, and written with the next batch: what is lost with them is found out again.

  /// A leftover is also found by its mark.
  void note_started(const AttemptKey& key, const ProcessName& launcher);
  /// The coordinator recognises an event that is sent again.
  void acknowledge(std::uint64_t sequence);

 private:
  struct Contents {
    std::map<JobId, Attempt> newest;
    std::map<AttemptKey, ProcessName> open;
    std::deque<wire::SequencedEvent> events;
    std::uint64_t next_sequence = 1;

    void apply(const JournalEntry& entry);
    std::vector<JournalEntry> entries() const;
  };

  Journal(FileSystem& files, Path path, std::uint64_t rewrite_bytes_min)
      : files_(&files), path_(std::move(path)), rewrite_bytes_min_(rewrite_bytes_min) {}
  Status append(std::string_view frame);
  Status rewrite(std::string_view frame);
  Result<std::unique_ptr<WritableFile>> write_beside(const Path& path, std::string_view bytes);
  bool has_grown() const;

  FileSystem* files_;
  Path path_;
  std::uint64_t rewrite_bytes_min_;
  Contents contents_;
  std::vector<JournalEntry> noted_;     ///< applied, not yet written
  std::unique_ptr<WritableFile> file_;  ///< absent: what the file ends with is not known
  std::uint64_t base_bytes_ = 0;        ///< of the file when it was written anew
  std::uint64_t added_bytes_ = 0;       ///< since then
};

}  // namespace tagalign::agent
