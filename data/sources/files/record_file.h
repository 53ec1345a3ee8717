/// Many records of differing length in one immutable file: indexes of shards, tables of captions.
///
/// Read through a mapping, so that a table of 12 million records takes no memory of the program's
/// and nothing at its start but the check of its sum. Layout: data/format.md, "Record files".
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/checksum.h"
#include "base/file_system.h"
#include "base/status.h"
#include "data/sources/files/shard_files.h"

namespace tagalign::data {

enum class RecordFileKind : std::uint32_t {
  kShardIndex = 1,
  kCaptions = 2,
  kTagTable = 3,  ///< never outlives the process
  kTagPiece = 4,  ///< data/tags/files/tag_piece.h
};

/// Immutable; safe from several threads. Copies share the bytes.
class RecordFile {
 public:
  RecordFile() = default;
  /// Checks sum and structure: costs one reading of the file. kDataLoss for damage; kUnsupported
  /// for the format of a newer version.
  static Result<RecordFile> open(const Path& path, RecordFileKind kind);
  static Result<RecordFile> from_bytes(std::string bytes, RecordFileKind kind);

  std::size_t size() const { return count_; }
  /// Lives as long as this file or a copy of it.
  std::string_view record(std::size_t index) const;
  /// What the writer said of the whole: JSON.
  std::string_view meta() const { return meta_; }

 private:
  Status parse(RecordFileKind kind, const std::string& name);

  std::shared_ptr<const MappedFile> mapped_;
  std::shared_ptr<const std::string> owned_;
  std::string_view bytes_;
  std::string_view meta_;
  std::uint64_t offsets_at_ = 0;
  std::size_t count_ = 0;
};

struct RecordFileTarget {
  Path file;     ///< where it shall stay, written durably; empty: nowhere
  Path scratch;  ///< folder for what must not fill the memory and has no `file`
  std::uint64_t memory_bytes_max = 64u << 20;  ///< above, what is written goes to the disk
  /// Where `file` is empty: asked once, when that happens, for where it shall stay.
  std::function<Path()> find_file = {};
};

/// Writes records in their order. One thread. Borrows `files`. Destroyed without
/// finish() it leaves nothing behind.
class RecordFileWriter {
 public:
  RecordFileWriter(FileSystem& files, RecordFileKind kind, RecordFileTarget target);
  ~RecordFileWriter();
  RecordFileWriter(const RecordFileWriter&) = delete;
  RecordFileWriter& operator=(const RecordFileWriter&) = delete;

  /// One record out of parts laid side by side. Memory: 8 bytes a record.
  Status add(std::initializer_list<std::string_view> parts);
  std::size_t size() const { return ends_.size(); }
  /// The finished file, open. Nothing else may be called afterwards.
  Result<RecordFile> finish(std::string_view meta);

 private:
  Status append(std::string_view bytes);
  Status spill();
  Status append_tail(std::string_view meta);
  Result<RecordFile> adopt();

  FileSystem& files_;
  RecordFileKind kind_;
  RecordFileTarget target_;
  Hasher128 hasher_;
  std::string buffer_;
  std::vector<std::uint64_t> ends_;  ///< of the records, from the start of the file
  std::uint64_t written_ = 0;        ///< bytes, those in the buffer too
  Path unfinished_;                  ///< not empty once something lies on the disk
  std::unique_ptr<WritableFile> file_;
};

}  // namespace tagalign::data
