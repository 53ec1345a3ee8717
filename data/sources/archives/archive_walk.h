/// The members of an archive, one after the other, and where their bytes lie.
///
/// A walk reads what is there and never stops for damage: what it could not read is told at its
/// end. It keeps no member in memory, so an archive may hold many millions.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "data/sources/files/shard_files.h"

namespace tagalign::data {

enum class MemberCoding : std::uint8_t {
  kPlain = 0,        ///< the bytes at `offset`
  kZipStored = 1,    ///< behind the local header at `offset`
  kZipDeflated = 2,  ///< the same, deflated
  kInGzip = 3,       ///< `offset` counts in the unpacked stream of the whole archive
  kFile = 4,         ///< a file of its own, by its name
};

/// Where the bytes of a member lie.
struct MemberPlace {
  std::uint64_t offset = 0;
  std::uint64_t packed_bytes = 0;
  std::uint64_t bytes = 0;  ///< unpacked
  MemberCoding coding = MemberCoding::kPlain;
};

struct ArchiveMember {
  std::string_view name;  ///< path in the archive, without "./" in front
  MemberPlace place;
  std::string_view text;  ///< the contents, where wants_text() asked for them
};

/// Who is told of the members.
class MemberSink {
 public:
  virtual ~MemberSink() = default;
  virtual bool wants_text(std::string_view name, std::uint64_t bytes) = 0;
  /// An error ends the walk.
  virtual Status add(const ArchiveMember& member) = 0;
};

/// A place in a gzip stream from which unpacking can begin.
struct GzipPoint {
  std::uint64_t unpacked = 0;  ///< bytes of the unpacked stream in front of it
  std::uint64_t packed = 0;    ///< the byte in which it begins
  int bits = 0;                ///< of the byte before `packed` that still belong to it
  std::string window;          ///< the 32 KiB unpacked before it; empty: a gzip header begins here
};

/// Names of one kind: how many, and the first of them.
struct NamesOfAKind {
  std::uint64_t count = 0;
  std::string first;

  bool operator==(const NamesOfAKind&) const = default;
};

struct WalkEnd {
  std::string trouble;            ///< empty: the archive is whole
  std::uint64_t unreadable = 0;   ///< members left out: encrypted, sparse, another compression
  std::vector<GzipPoint> points;  ///< of a gzip'd tar
  /// Of a folder, by what they are ("a FIFO"): images' names that stand for no regular file.
  std::map<std::string, NamesOfAKind> no_files;
};

/// Ustar, pax and GNU tar (libarchive). Reads headers and wanted texts and skips the rest; of a
/// gzip'd one all is unpacked once. Fails for trouble of the machine and of the sink alone.
Result<WalkEnd> walk_tar(const OpenFile& file, MemberSink& sink);
Result<WalkEnd> walk_gzip_tar(const OpenFile& file, MemberSink& sink);
/// Stored and deflated members, zip64 too, in the order of the directory at the file's end. Read
/// here rather than by libzip, which keeps a directory of 12 million members in some 3.5 GB a
/// handle, needs a handle a thread, and does not tell where members lie.
Result<WalkEnd> walk_zip(const OpenFile& file, MemberSink& sink);

}  // namespace tagalign::data
