/// Image-caption-tag records as the reference's training reads them (TERMS.md, reference §3),
/// whatever form a download left them in.
///
/// Images: a folder, zips or tars (data/sources/shard_set.h). Captions: a CSV `file,caption`, lines
/// of URL, tab, caption, or the texts beside the images. Tags: a JSON object, name → list of tag
/// indices (data/datasets/captions/tag_table.h), and a list of tag names. Images without caption or tags are
/// left out and counted. Attributes: a second list of tags in the same two forms; images without an
/// entry stay, have none, and are counted. The records and their order depend on the texts alone, not on the form.
/// Immutable after open(); safe from several threads. A large set lies in a mapped file: it takes
/// next to no memory of the process, and opening it again only the check of that file.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/file_system.h"
#include "base/status.h"
#include "data/sources/files/record_file.h"
#include "data/sources/image_reader.h"

namespace tagalign::data {

struct CaptionDatasetOptions {
  Path root;       ///< folder of images, zip, tar, folder of those, or a pattern: find_shards()
  Path captions;   ///< empty: those beside the images
  Path tags;       ///< empty: no tags, no record dropped
  Path tag_names;  ///< empty: no tags
  Path attributes = {};       ///< empty: no attributes, and the digest of a set without them
  Path attribute_names = {};  ///< empty: no attributes
  /// Folder for indexes where the data's own may not be written; empty: none.
  Path cache = {};
  Path scratch = {};        ///< for files that do not outlive the process; empty: the system's
  std::size_t threads = 0;  ///< that index shards; 0: one a core, at most eight
  bool keep_urls = false;   ///< url() is known
};

struct CaptionRecord {
  std::string_view file;           ///< relative to root, or the member's name in its shard
  std::string_view caption;        ///< valid UTF-8: bad bytes became U+FFFD and were counted
  std::vector<std::int32_t> tags;  ///< indices below tag_names().size()
  std::vector<std::int32_t> attributes = {};  ///< likewise of attribute_names()
};

class CaptionDataset {
 public:
  /// Errors name file and line: missing header, wrong number of columns, a tag index out of range,
  /// broken JSON, no record left. A join that leaves less than half is refused with ten names of
  /// each side, attributes that no image has an entry in likewise. `files` must outlive the data set.
  static Result<CaptionDataset> open(FileSystem& files, const CaptionDatasetOptions& options);

  std::size_t size() const { return table_.size(); }
  /// The texts live as long as this data set or a copy of it.
  CaptionRecord record(std::size_t index) const;
  /// Where the image came from, empty where that is not known; lives as the texts of record() do.
  std::string_view url(std::size_t index) const;
  /// The file of the image, not decoded. Errors of the file system, and kDataLoss when a shard does
  /// not hold what its index says.
  Result<std::string> read_image(std::size_t index) const;
  /// Where the image lies, for messages: "shards/00012.tar: 000120034.jpg", "images/a.jpg".
  std::string image_name(std::size_t index) const;
  const std::vector<std::string>& tag_names() const { return tag_names_; }
  const std::vector<std::string>& attribute_names() const { return attribute_names_; }
  const Path& root() const { return root_; }
  /// Hex digest of what the sample order depends on: in that order, files, captions, tags and
  /// attributes if there are any.
  const std::string& digest() const { return digest_; }
  /// What a person should know: "37 of 4000 images have no tag entry and are left out". Each once.
  const std::vector<std::string>& notices() const { return notices_; }

 private:
  CaptionDataset() = default;
  RecordFile table_;
  std::shared_ptr<const ImageReader> images_;
  std::vector<std::string> tag_names_;
  std::vector<std::string> attribute_names_;
  std::vector<std::string> notices_;
  std::string digest_;
  Path root_;
};

}  // namespace tagalign::data
