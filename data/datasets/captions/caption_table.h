/// Images with captions and tags, joined and in their order, in one record file. For data/ only.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/checksum.h"
#include "base/status.h"
#include "data/sources/files/record_file.h"
#include "data/sources/image_reader.h"

namespace tagalign::data {

struct CaptionEntry {
  std::string_view file;
  std::string_view caption;  ///< valid UTF-8
  std::vector<std::int32_t> tags;
  ImageAddress image;
  std::string_view url;  ///< where the options ask for it
  std::vector<std::int32_t> attributes = {};
};

/// Entry `index` of a finished table; its texts live as long as the table.
CaptionEntry caption_entry(const RecordFile& table, std::size_t index);

/// Writes a table and the digest of what the sample order depends on.
class CaptionTableWriter {
 public:
  CaptionTableWriter(FileSystem& files, const RecordFileTarget& target)
      : records_(files, RecordFileKind::kCaptions, target) {}

  Status add(const CaptionEntry& entry);
  std::size_t size() const { return records_.size(); }
  /// Of files, captions, tags and attributes in their order, and the names of both. Without
  /// attributes it is what it was before there were any.
  std::string digest(const std::vector<std::string>& tag_names,
                     const std::vector<std::string>& attribute_names);
  Result<RecordFile> finish(std::string_view meta) { return records_.finish(meta); }

 private:
  RecordFileWriter records_;
  Hasher128 hasher_;
};

}  // namespace tagalign::data
