/// Files as the rest of the program sees them: few verbs, each failure a Status with the path.
///
/// Durability contract: write_durable() and rename_durable() return ok only when bytes and name
/// survive a power cut (fsync of the file, then of its folder). What is no regular file is refused
/// before a byte is read (kInvalidArgument): a FIFO would block for ever. Tests inject failures
/// through this interface (tests/support/fault_file_system.h): a full disk at byte n, a torn write,
/// a lost rename. Paths are absolute or relative to the working directory. Implementations are safe
/// to use from several threads at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace tagalign {

using Path = std::filesystem::path;
using ByteSpan = std::span<const std::byte>;

inline constexpr std::size_t kDirectAlignment = 4096;  ///< bytes; see create_direct_file()

/// A file being written from its start. Destruction without close() leaves
/// an incomplete file behind.
class WritableFile {
 public:
  virtual ~WritableFile() = default;
  virtual Status append(ByteSpan bytes) = 0;
  /// Bytes so far are on stable storage when this returns ok.
  virtual Status sync() = 0;
  virtual Status close() = 0;
};

/// A file that is read in parts, from any thread.
class ReadableFile {
 public:
  virtual ~ReadableFile() = default;
  /// As FileSystem::read_range().
  virtual Status read(std::uint64_t offset, std::span<std::byte> target) const = 0;
};

class FileSystem {
 public:
  virtual ~FileSystem() = default;

  /// Whole contents. kNotFound, kPermissionDenied; kInvalidArgument above `bytes_max`.
  virtual Result<std::string> read_file(const Path& path, std::uint64_t bytes_max) = 0;
  /// `length` bytes from `offset`; kDataLoss when the file is shorter.
  virtual Status read_range(const Path& path, std::uint64_t offset,
                            std::span<std::byte> target) = 0;
  /// For many reads of one file, by and large from its start to its end. What this class gives calls
  /// read_range() for each and must not outlive the file system; the machine's opens the file once.
  virtual Result<std::unique_ptr<ReadableFile>> open_file(const Path& path);
  virtual Result<std::uint64_t> file_size(const Path& path) = 0;
  virtual bool exists(const Path& path) = 0;

  /// Creates or truncates `path`.
  virtual Result<std::unique_ptr<WritableFile>> create_file(const Path& path) = 0;
  /// As create_file(), for large files that nobody reads soon: what is appended goes past the page
  /// cache where the file system can do that, which spares a copy of it and leaves the cache to others.
  /// Only bytes at addresses that are multiples of kDirectAlignment go that way, in multiples of it,
  /// and only until the first that are not; the rest is written as ever.
  virtual Result<std::unique_ptr<WritableFile>> create_direct_file(const Path& path) {
    return create_file(path);
  }
  /// Writes a temporary neighbour, syncs it, renames it over `path`, syncs the folder.
  virtual Status write_durable(const Path& path, std::string_view contents) = 0;
  /// Renames within one file system and syncs both folders. Files replace; a folder
  /// must not exist yet.
  virtual Status rename_durable(const Path& from, const Path& to) = 0;

  virtual Status create_directories(const Path& path) = 0;
  virtual Status sync_directory(const Path& path) = 0;
  /// Names (not paths) in `path`, sorted bytewise.
  virtual Result<std::vector<std::string>> list_directory(const Path& path) = 0;
  /// Removes a file or a whole folder; ok when there was none.
  virtual Status remove_all(const Path& path) = 0;
  virtual Result<std::uint64_t> free_bytes(const Path& path) = 0;
};

/// The machine's file system. One object for the process; safe from any thread.
FileSystem& posix_file_system();

/// When the contents of `path` were last changed, in milliseconds since 1970 by the machine's clock.
Result<std::int64_t> modified_ms(const Path& path);

/// Bytes of a string without copying, and back.
inline ByteSpan as_bytes(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

/// ok when only the owner may read `path` (no group or other bits); the message gives the
/// chmod that mends it.
Status check_private_file(const Path& path);
/// Writes `contents` with mode 0600 durably.
Status write_private_file(const Path& path, std::string_view contents);

}  // namespace tagalign
