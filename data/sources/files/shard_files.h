/// What the readers of shards need of the machine beyond FileSystem: stamps,
/// mappings, files that stay open.
///
/// Everything is for reading. What is no regular file is refused before a byte
/// is read, as FileSystem does.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/file_system.h"
#include "base/status.h"

namespace tagalign::data {

/// What tells that a file or folder was changed.
struct FileStamp {
  std::uint64_t bytes = 0;
  std::int64_t modified_ns = 0;

  bool operator==(const FileStamp&) const = default;
};
Result<FileStamp> stamp_of(const Path& path);

/// A whole file as memory: the kernel reads it page by page and may drop the pages again, so it
/// counts as its cache, not as the program's memory. Immutable; safe from several threads. A file
/// that another program shortens meanwhile ends the program (SIGBUS): map only what is replaced by
/// renaming, or what nobody changes.
class MappedFile {
 public:
  static Result<std::shared_ptr<const MappedFile>> open(const Path& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::string_view text() const { return {data_, size_}; }

 private:
  MappedFile(const char* data, std::size_t size) : data_(data), size_(size) {}
  const char* data_;
  std::size_t size_;
};

/// A file that stays open. Safe from several threads.
class OpenFile {
 public:
  static Result<std::shared_ptr<const OpenFile>> open(const Path& path);
  ~OpenFile();
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;

  /// Up to `bytes_max` bytes from `offset`, fewer only at the end of the file; replaces `target`.
  Status read(std::uint64_t offset, std::size_t bytes_max, std::string& target) const;
  /// Size when it was opened.
  std::uint64_t size() const { return size_; }
  const Path& path() const { return path_; }
  int descriptor() const { return descriptor_; }

 private:
  OpenFile(int descriptor, std::uint64_t size, Path path)
      : descriptor_(descriptor), size_(size), path_(std::move(path)) {}
  int descriptor_;
  std::uint64_t size_;
  Path path_;
};

/// Paths that fit a pattern with * ? [ ], as a shell would list them; empty when none does.
Result<std::vector<Path>> expand_pattern(const std::string& pattern);
/// False also where it cannot be known.
bool exists(const Path& path);
bool is_folder(const Path& path);
/// How many files this process may keep open for reading shards: half of its limit.
std::size_t open_files_max();
/// ".NAME.tmp-…" beside `path`, which no other thread or process uses.
Path unfinished_name(const Path& path);
/// True when a file can be made in the folder, which is made if it is missing.
bool is_writable_folder(const Path& folder);

}  // namespace tagalign::data
