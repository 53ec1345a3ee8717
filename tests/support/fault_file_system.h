/// A file system that misbehaves on command: a full disk, a failed or lost rename, a crash
/// after the k-th operation.
///
/// Wraps another one and counts what would change the disk (create of either kind, append, sync,
/// close, write_durable, rename, create_directories, sync_directory, remove_all). Reads are passed
/// through but for files that were named. Safe from several threads.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <set>

#include "base/file_system.h"

namespace tagalign::testing_support {

class FaultFileSystem : public FileSystem {
 public:
  explicit FaultFileSystem(FileSystem& real) : real_(real) {}

  /// Bytes that may still be written; the write that crosses the limit leaves its first part
  /// and fails with kNoSpace.
  void set_space(std::uint64_t bytes);
  /// The first `operations` changes happen. The next one is torn (an append leaves half of its
  /// bytes) or does not happen, nothing changes any more, and bytes that were not synced are cut to
  /// half: the machine lost its power.
  void crash_after(std::uint64_t operations);
  /// create_file() fails as the system call does that sets errno so.
  void fail_creates(int error_number);
  /// Rename number `number` (from 0) fails with kUnavailable and does not happen.
  void fail_rename(std::uint64_t number);
  /// Rename number `number` (from 0) says ok and does not happen.
  void lose_rename(std::uint64_t number);
  /// read_file() of this path fails with `status`.
  void fail_reads(const Path& path, Status status);

  std::uint64_t operations() const;
  bool crashed() const;

  Result<std::string> read_file(const Path& path, std::uint64_t bytes_max) override;
  Status read_range(const Path& path, std::uint64_t offset, std::span<std::byte> target) override;
  Result<std::uint64_t> file_size(const Path& path) override;
  bool exists(const Path& path) override;
  Result<std::unique_ptr<WritableFile>> create_file(const Path& path) override;
  Result<std::unique_ptr<WritableFile>> create_direct_file(const Path& path) override;
  Status write_durable(const Path& path, std::string_view contents) override;
  Status rename_durable(const Path& from, const Path& to) override;
  Status create_directories(const Path& path) override;
  Status sync_directory(const Path& path) override;
  Result<std::vector<std::string>> list_directory(const Path& path) override;
  Status remove_all(const Path& path) override;
  Result<std::uint64_t> free_bytes(const Path& path) override;

 private:
  class File;

  using Create = Result<std::unique_ptr<WritableFile>> (FileSystem::*)(const Path&);
  Result<std::unique_ptr<WritableFile>> create_by(Create create, const Path& path);
  /// Counts one change; an error when the machine is, or now becomes, dead.
  Status step();
  /// How many of `wanted` bytes fit.
  std::uint64_t take_space(std::uint64_t wanted);
  void power_cut();

  FileSystem& real_;
  mutable std::mutex mutex_;
  std::uint64_t operations_ = 0;
  std::uint64_t renames_ = 0;
  std::optional<std::uint64_t> space_, crash_after_, fail_rename_, lose_rename_;
  int create_error_ = 0;
  bool crashed_ = false;
  std::map<Path, std::uint64_t> synced_bytes_;  ///< of files that hold bytes which were not synced
  std::map<Path, Status> unreadable_;
  std::map<Path, Path> renamed_;  ///< where a file that is still written to lies now
};

}  // namespace tagalign::testing_support
