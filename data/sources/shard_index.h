/// What one shard holds: its images, where they lie, and the captions
/// and URLs that came with them.
///
/// A shard is a tar, a gzip'd tar, a zip or a folder. KEY.jpg (jpeg, png, webp, gif) is an image;
/// KEY.txt its caption; KEY.json, as img2dataset writes it, has "caption", "url" and "status".
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/file_system.h"
#include "base/status.h"
#include "data/sources/archives/archive_walk.h"
#include "data/sources/files/record_file.h"
#include "data/sources/files/shard_files.h"

namespace tagalign::data {

enum class ShardKind : std::uint8_t { kTar, kGzipTar, kZip, kFolder };

/// Told by the first bytes; where they tell nothing, as in an empty file, by the ending.
/// kInvalidArgument where neither does.
Result<ShardKind> shard_kind(const Path& path);

struct ShardMember {
  std::string_view name;  ///< path in the shard
  std::string_view caption;
  std::string_view url;
  MemberPlace place;
  bool has_caption = false;
  bool is_duplicate = false;  ///< its key, or its name, came before in this shard
};

/// What is odd in a shard; counted, never fatal.
struct ShardFindings {
  std::uint64_t without_caption = 0;         ///< images
  std::uint64_t captions_without_image = 0;  ///< texts
  std::uint64_t empty_captions = 0;
  std::uint64_t duplicates = 0;    ///< images
  std::uint64_t broken_texts = 0;  ///< .json that is none, texts above the limit
  std::uint64_t unreadable = 0;    ///< members: WalkEnd::unreadable, and images above the limit
  std::uint64_t other_files = 0;
  std::string trouble;                            ///< WalkEnd::trouble
  std::map<std::string, std::uint64_t> statuses;  ///< img2dataset's "status", how often
  std::map<std::string, NamesOfAKind> no_files;   ///< WalkEnd::no_files
};

/// Immutable; safe from several threads. Copies share the bytes.
class ShardIndex {
 public:
  /// An index that was stored. kDataLoss for damage.
  static Result<ShardIndex> open(const Path& index_file);
  /// Reads the whole shard (of a tar: headers and texts). Where `target` names a file, the
  /// index is stored there.
  static Result<ShardIndex> build(FileSystem& files, const Path& shard,
                                  const RecordFileTarget& target);
  /// The same of a shard that `walk` tells of; `name` is for messages.
  using Walk = std::function<Result<WalkEnd>(MemberSink&)>;
  static Result<ShardIndex> build_from(FileSystem& files, const std::string& name, ShardKind kind,
                                       const FileStamp& stamp, const Walk& walk,
                                       const RecordFileTarget& target);

  std::size_t size() const { return members_; }
  ShardMember member(std::size_t index) const;
  ShardKind kind() const { return kind_; }
  const ShardFindings& findings() const { return findings_; }
  /// Of the shard when the index was made.
  const FileStamp& stamp() const { return stamp_; }
  /// Of a gzip'd tar: the last point at or before `unpacked`.
  GzipPoint point_before(std::uint64_t unpacked) const;

 private:
  explicit ShardIndex(RecordFile records) : records_(std::move(records)) {}
  static Result<ShardIndex> from_records(RecordFile records, const std::string& name);
  GzipPoint point(std::size_t index) const;

  RecordFile records_;  ///< members, then points
  std::size_t members_ = 0;
  ShardKind kind_ = ShardKind::kTar;
  FileStamp stamp_;
  ShardFindings findings_;
};

}  // namespace tagalign::data
