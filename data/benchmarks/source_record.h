/// What the files of a prepared data set were made from, so that one is made again when its source was
/// mended: `.tagalign-sources` in the data set's folder (data/format.md).
///
/// A missing or damaged record costs time, never a wrong file: what it does not name is judged by the
/// times of source and target, and in doubt made again and compared.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/status.h"
#include "data/sources/files/shard_files.h"

namespace tagalign::data {

class SourceRecord {
 public:
  /// That of the folder; empty where there is none, or none of this version.
  static SourceRecord read(FileSystem& files, const Path& root);
  SourceRecord(SourceRecord&& other) noexcept : stamps_(std::move(other.stamps_)) {}

  /// Size and time of what `target` (below the root) was made from; nothing: not known.
  std::optional<FileStamp> source_of(const Path& target) const;
  void note(const Path& target, const FileStamp& source);

  /// Those noted, now or earlier, that are not in `targets`.
  std::vector<std::string> targets_beside(const std::set<std::string>& targets) const;

  /// Durably, if something was noted that is new. Call when no thread notes any more.
  Status write(FileSystem& files, const Path& root) const;

 private:
  SourceRecord() = default;

  mutable std::mutex mutex_;
  std::map<std::string, FileStamp> stamps_;  ///< by target
  bool changed_ = false;
};

}  // namespace tagalign::data
