/// A file system whose machine fails at its k-th change and then shows every state in which its disk
/// may be found after that.
///
/// Changes are counted one by one as the kernel is asked for them: write_durable() is a create, an
/// append, a sync, a rename and a sync of the folder; remove_all() a change for each name. Reads
/// are not counted. Safe from several threads.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "base/file_system.h"
#include "tests/support/forgetful/disk.h"

namespace tagalign::testing_support {

enum class Misfortune : std::uint8_t {
  kNone,
  kPowerCut,         ///< the change does not happen, half of an append does; nothing works any more
  kErrorOnce,        ///< EIO: as above, but only this once; a sync loses the bytes for good
  kErrorThoughDone,  ///< EIO for a change that has happened
  kErrorsForEver,    ///< EIO for this change and all that follow
  kDiskFull,         ///< ENOSPC for all that takes room from here on; half of an append happens
  kSyncThatLies,     ///< ok from a sync that did nothing
};

/// One machine and its disk, which any number of ForgetfulFileSystem see.
class ForgetfulMachine {
 public:
  explicit ForgetfulMachine(const Tree& tree = {}) : disk_(tree) {}

  /// Strikes at change number `at`, counted from 0 and from this call on.
  void strike(Misfortune misfortune, std::uint64_t at);
  /// Since strike(), or since it was made.
  std::uint64_t changes() const;

  Tree visible() const;
  /// As Disk::after_power_cut().
  std::set<Tree> after_power_cut() const;

 private:
  friend class ForgetfulFileSystem;
  enum class Verb : std::uint8_t { kCreate, kAppend, kSync, kRename, kSyncFolder, kRemove };
  struct Fate {
    Status status = {};
    bool happens = true;
    bool struck = false;
  };

  /// Counts a change and says what becomes of it. The caller holds the mutex.
  Fate next(Verb verb, const Path& path);
  Status alive() const;

  mutable std::mutex mutex_;
  Disk disk_;
  Misfortune misfortune_ = Misfortune::kNone;
  std::uint64_t at_ = 0;
  std::uint64_t changes_ = 0;
  unsigned temporary_ = 0;  ///< makes names of temporary files unique
};

class ForgetfulFileSystem final : public FileSystem {
 public:
  /// `before` is called ahead of every call, without a lock held: a test that needs an order
  /// between threads waits there.
  explicit ForgetfulFileSystem(ForgetfulMachine& machine, std::function<void()> before = {})
      : machine_(machine), before_(std::move(before)) {}

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
  class File;
  using Verb = ForgetfulMachine::Verb;

  void enter() const {
    if (before_) before_();
  }
  /// Of a file that is there; the caller holds the mutex.
  Result<Disk::Node> file_node(const Path& path) const;
  Result<Disk::Node> folder_node(const Path& path) const;
  Result<Disk::Node> create(const Path& path, bool folder);
  Status append(Disk::Node node, ByteSpan bytes, const Path& path);
  Status sync(Disk::Node node, const Path& path);
  Status sync_folder(const Path& path);
  Status rename(const Path& from, const Path& to);
  Status remove(const Path& path);

  ForgetfulMachine& machine_;
  std::function<void()> before_;
};

}  // namespace tagalign::testing_support
