/// What an agent has ever accepted, so that no attempt is launched twice, whatever restarts in
/// between.
///
/// Format: spool.md. Every change is on stable storage when it returns ok; a change that fails is
/// undone in memory. A damaged journal is an error: an agent that has forgotten what it launched
/// must not launch. Borrows the file system. One thread. Each change rewrites the file (some 20
/// bytes a job) and costs two fsyncs.
#pragma once

#include <cstdint>
#include <map>
#include <utility>

#include "base/file_system.h"
#include "base/ids.h"
#include "base/status.h"

namespace tagalign::agent {

/// Names one process for good: a pid that is reused has other start ticks.
struct ProcessName {
  int pid = 0;                    ///< 0: not started yet
  std::uint64_t start_ticks = 0;  ///< process_start_ticks()
};

using AttemptKey = std::pair<JobId, Attempt>;

class Journal {
 public:
  static Result<Journal> open(FileSystem& files, const Path& path);

  /// True for this and every older attempt of the job.
  bool has_accepted(const AttemptKey& key) const;
  const std::map<AttemptKey, ProcessName>& open_attempts() const { return open_; }

  /// Requires !has_accepted(key). Call before anything of the attempt runs.
  Status accept(const AttemptKey& key);
  Status started(const AttemptKey& key, const ProcessName& launcher);
  /// The attempt's end is in the spool.
  Status close(const AttemptKey& key);

 private:
  Journal(FileSystem& files, Path path) : files_(&files), path_(std::move(path)) {}
  Status save() const;

  FileSystem* files_;
  Path path_;
  std::map<JobId, Attempt> newest_;
  std::map<AttemptKey, ProcessName> open_;
};

}  // namespace tagalign::agent
