/// The tags of a stretch of captions, as one process has parsed them, in a file.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/status.h"
#include "data/sources/files/record_file.h"
#include "data/tags/parse/caption_parser.h"

namespace tagalign::data {

/// Captions of a piece; the last one of a set may have fewer.
inline constexpr std::size_t kPieceCaptions = 16'384;

/// Durable: the file has its name when it is whole.
Status write_tag_piece(FileSystem& files, const Path& path, std::span<const CaptionTags> tags);

/// Immutable.
class TagPiece {
 public:
  TagPiece() = default;
  /// kDataLoss for damage.
  static Result<TagPiece> open(const Path& path);
  std::size_t size() const { return records_.size(); }
  /// Replaces `tags`.
  Status read(std::size_t caption, CaptionTags& tags) const;

 private:
  explicit TagPiece(RecordFile records) : records_(std::move(records)) {}
  RecordFile records_;
};

}  // namespace tagalign::data
