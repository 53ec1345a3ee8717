/// Image-caption-tag records as the reference's training reads them (TERMS.md, reference §3).
///
/// A folder, a CSV with header `file,caption`, a JSON object file → list of tag indices, a list
/// of tag names. Images without a tag entry are dropped and counted. Immutable after open();
/// safe from several threads.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/status.h"

namespace tagalign::data {

struct CaptionDatasetOptions {
  Path root;
  Path captions;
  Path tags;       ///< empty: no tags, no record dropped
  Path tag_names;  ///< empty: no tags
};

struct CaptionRecord {
  std::string file;                ///< relative to root
  std::string caption;             ///< valid UTF-8: bad bytes became U+FFFD and were counted
  std::vector<std::int32_t> tags;  ///< indices below tag_names().size()
};

class CaptionDataset {
 public:
  /// Errors name file and line: missing header, wrong number of columns, a tag index out of range,
  /// broken JSON, no record left.
  static Result<CaptionDataset> open(FileSystem& files, const CaptionDatasetOptions& options);

  std::size_t size() const { return records_.size(); }
  const CaptionRecord& record(std::size_t index) const { return records_[index]; }
  const std::vector<std::string>& tag_names() const { return tag_names_; }
  const Path& root() const { return root_; }
  /// Hex digest of what the sample order depends on: files, captions and tags in their order.
  const std::string& digest() const { return digest_; }
  /// What a person should know: "37 of 4000 images have no tag entry and are left out". Each once.
  const std::vector<std::string>& notices() const { return notices_; }

 private:
  CaptionDataset() = default;
  std::vector<CaptionRecord> records_;
  std::vector<std::string> tag_names_;
  std::vector<std::string> notices_;
  std::string digest_;
  Path root_;
};

}  // namespace tagalign::data
