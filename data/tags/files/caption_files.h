/// Several files of captions, one after the other.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/file_system.h"
#include "base/status.h"
#include "data/datasets/captions/caption_rows.h"

namespace tagalign::data {

/// Forms: CaptionRows. Borrows `files`. For one thread. Two readers of the same unchanged files
/// give the same rows.
class CaptionFiles {
 public:
  /// Looks at the first line of each; errors of CaptionRows::open().
  static Result<CaptionFiles> open(FileSystem& files, std::span<const Path> paths);

  /// Appends up to `count` rows, fewer only at the end. Errors of CaptionRows::next().
  Status read(std::size_t count, std::vector<CaptionRow>& rows);

  BrokenLines broken() const;
  std::uint64_t bytes_read() const { return bytes_before_ + (rows_ ? rows_->bytes_read() : 0); }
  std::uint64_t bytes_total() const { return bytes_total_; }

 private:
  explicit CaptionFiles(FileSystem& files) : files_(&files) {}
  Result<bool> open_next();
  void close();

  FileSystem* files_;
  std::vector<Path> paths_;
  std::size_t next_ = 0;  ///< place in paths_
  std::optional<CaptionRows> rows_;
  BrokenLines broken_;  ///< of the files before
  std::uint64_t bytes_before_ = 0;
  std::uint64_t bytes_total_ = 0;
};

}  // namespace tagalign::data
