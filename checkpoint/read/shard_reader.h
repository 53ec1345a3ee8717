/// One shard while it is read: its checked header, its bytes and their digests.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/checksum.h"
#include "base/file_system.h"
#include "base/status.h"
#include "checkpoint/format/manifest.h"
#include "checkpoint/read/read_plan.h"

namespace tagalign::checkpoint {

struct LocatedHeader;

/// Any number of threads may read turns at a time, once locate() has returned ok. Errors name the
/// tensor and the bytes; the caller adds the checkpoint and the shard.
class ShardReader {
 public:
  /// Everything must outlive the reader.
  ShardReader(FileSystem& files, Path path, const ShardRecord& record, const ShardPlan& plan)
      : files_(files), path_(std::move(path)), record_(record), plan_(plan) {}

  /// Reads the header: it must list exactly the slices that the manifest names. In version 2 its
  /// bytes are verified, in version 1 only read_whole() does that.
  Status locate(int version);

  /// Version 2. Blocks are read in turns of several; nothing of a block is handed out that does not
  /// have the digest of the manifest.
  std::size_t turns() const { return turns_.size(); }
  Status read_turn(std::size_t turn);

  /// Version 1, whose shards have one digest: all bytes are read, whatever is wanted of them.
  Status read_whole();

 private:
  struct Located {
    const SlicePlan* plan = nullptr;
    std::uint64_t offset = 0;  ///< in the file
  };
  /// Blocks of one slice.
  struct Turn {
    std::size_t slice = 0;
    std::uint64_t first = 0, last = 0;
  };

  Status match(const LocatedHeader& header);
  Status check_header(const std::string& header) const;
  void divide();
  Result<std::shared_ptr<const ReadableFile>> open();
  void turn_done();
  Status read_block(const ReadableFile& file, const Located& located, std::uint64_t block,
                    ByteBuffer& scratch) const;

  FileSystem& files_;
  const Path path_;
  const ShardRecord& record_;
  const ShardPlan& plan_;
  std::string header_;            ///< its bytes; version 1
  std::vector<Located> located_;  ///< in the file's order
  std::vector<Turn> turns_;
  std::mutex mutex_;
  std::shared_ptr<const ReadableFile> file_;  ///< from the first turn to the last
  std::size_t turns_done_ = 0;
};

}  // namespace tagalign::checkpoint
