/// The disk of one machine, in memory: a program that dies loses nothing, a power cut loses what
/// was not synced, and the disk can be full.
///
/// Failure  while full, a write stores half of its bytes and fails with kNoSpace.
/// Threads  one.
#pragma once

#include <map>
#include <memory>
#include <set>

#include "base/file_system.h"
#include "base/random.h"

namespace tagalign::simulation {

class Disk final : public FileSystem {
 public:
  bool full = false;

  /// Cuts every file to what was synced and a part of the rest. Names that were made or removed
  /// since their folder was synced are as they are now or as they were.
  void power_cut(RandomStream& random);
  /// Another disk takes its place: nothing is left of this one.
  void wipe();

  Result<std::string> read_file(const Path& path, std::uint64_t bytes_max) override;
  Status read_range(const Path& path, std::uint64_t offset, std::span<std::byte> target) override;
  Result<std::uint64_t> file_size(const Path& path) override;
  bool exists(const Path& path) override;
  Result<std::unique_ptr<WritableFile>> create_file(const Path& path) override;
  Status write_durable(const Path& path, std::string_view contents) override;
  Status rename_durable(const Path& from, const Path& to) override;
  Status create_directories(const Path& path) override;
  Status sync_directory(const Path& path) override;
  Result<std::vector<std::string>> list_directory(const Path& path) override;
  Status remove_all(const Path& path) override;
  Result<std::uint64_t> free_bytes(const Path& path) override;

 private:
  struct File {
    std::string bytes;
    std::size_t synced = 0;
    bool name_synced = false;
  };
  class Writer;

  Result<std::shared_ptr<File>> find(const Path& path) const;

  std::map<std::string, std::shared_ptr<File>> files_;
  std::map<std::string, std::shared_ptr<File>> removed_;  ///< the folder is not synced since
  std::set<std::string> folders_;
};

}  // namespace tagalign::simulation
