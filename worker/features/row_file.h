/// A file of fixed size in which rows have places: read as mapped memory, written place by place.
///
/// Several processes may have one open, and write to it, at the same time: what is read may be half
/// of what another one writes at that moment, and whoever reads checks it. A write of one call lies
/// there whole or not at all where the file system keeps writes apart, as a local one does.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "base/file_system.h"
#include "base/status.h"

namespace tagalign::jobs {

class RowFile {
 public:
  virtual ~RowFile() = default;
  /// A copy of the bytes from `offset` on. An error where the machine cannot give them: the disk
  /// fails, or somebody has cut the file.
  virtual Status read(std::uint64_t offset, std::span<std::byte> target) const = 0;
  /// Not durable: a power cut may take it, or half of it. kUnavailable where the file
  /// may only be read.
  virtual Status write(std::uint64_t offset, ByteSpan bytes) = 0;
};

/// Opens a file of `bytes`. What is missing of them, all where there is no file, is zero and takes
/// no room on the disk before it is written. Where it may only be read it must be there, whole.
using OpenRowFile =
    std::function<Result<std::unique_ptr<RowFile>>(const Path& path, std::uint64_t bytes)>;

/// The machine's.
Result<std::unique_ptr<RowFile>> open_row_file(const Path& path, std::uint64_t bytes);

}  // namespace tagalign::jobs
