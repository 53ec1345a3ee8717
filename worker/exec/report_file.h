/// Reads what a program reports about itself (coordinator/wire/report_lines.h) while it writes.
///
/// Borrows the file system. Failure: what cannot be read, or is no report, becomes a notice; the program
/// runs on. Cost: one look at the file's size, and the bytes that are new. One thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file_system.h"
#include "coordinator/wire/report_lines.h"

namespace tagalign::exec {

/// What is new since the file was looked at last.
struct News {
  std::optional<wire::ProgressReport> progress;   ///< the newest
  std::vector<wire::CheckpointInfo> checkpoints;  ///< that exist, with absolute paths
  std::vector<std::string> notices;
};

class ReportFile {
 public:
  /// `workspace`: what relative paths are relative to.
  ReportFile(FileSystem& files, Path path, Path workspace)
      : files_(&files), path_(std::move(path)), workspace_(std::move(workspace)) {}

  /// `ended`: nothing more is written, so that a last line counts without its end.
  News read(bool ended = false);

 private:
  void take(std::string_view line, News& news);
  void take(wire::CheckpointInfo checkpoint, News& news);

  FileSystem* files_;
  Path path_;
  Path workspace_;
  std::uint64_t offset_ = 0;  ///< of what was taken
};

}  // namespace tagalign::exec
