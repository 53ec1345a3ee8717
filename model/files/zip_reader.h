/// The entries of a zip archive that torch.save or torch.jit.save wrote.
///
/// PyTorch stores tensors without compression, so what is read is never larger than the archive: a
/// compressed or encrypted entry is refused when it is read. Checksums are verified. Not safe from
/// several threads. Cost: opening reads the directory; an entry is read when it is asked for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/file_system.h"
#include "base/status.h"

namespace tagalign::model {

/// Random access to bytes; what the functions refer to must outlive it.
struct ByteSource {
  std::uint64_t size = 0;
  std::function<Status(std::uint64_t offset, std::span<std::byte> target)> read;
};
/// Borrows the bytes.
ByteSource memory_source(ByteSpan bytes);
/// Borrows `files`. kNotFound.
Result<ByteSource> file_source(FileSystem& files, const Path& path);

class ZipReader {
 public:
  /// `what` names the archive in messages. kDataLoss for anything but a readable directory.
  static Result<ZipReader> open(ByteSource source, const std::string& what);

  /// Name → place in the archive; the later one where a name is repeated.
  const std::map<std::string, std::uint64_t>& entries() const { return entries_; }
  bool contains(const std::string& name) const { return entries_.contains(name); }

  /// Bytes of the entry. kNotFound; kUnsupported for a compressed or encrypted one; kDataLoss when
  /// the directory contradicts itself.
  Result<std::uint64_t> entry_bytes(const std::string& name) const;
  /// `target` has exactly entry_bytes(name). kDataLoss when the checksum does not match.
  Status read(const std::string& name, std::span<std::byte> target) const;
  /// A short text, at most `bytes_max`.
  Result<std::string> read_text(const std::string& name, std::uint64_t bytes_max) const;

 private:
  struct Archive;
  struct Closer {
    void operator()(Archive* archive) const;
  };
  ZipReader() = default;

  std::string what_;
  std::unique_ptr<Archive, Closer> archive_;
  std::map<std::string, std::uint64_t> entries_;
};

}  // namespace tagalign::model
