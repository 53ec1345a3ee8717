/// The files that training reads: lists of names, and the indices of each image or URL.
///
/// Every file is written under a temporary name and gets its own when it is whole.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/file_system.h"
#include "base/status.h"
#include "data/tags/files/tag_counts.h"
#include "data/tags/parse/caption_parser.h"

namespace tagalign::data {

/// A text file that grows by pieces. Borrows `files`.
class TextOutput {
 public:
  static Result<TextOutput> create(FileSystem& files, const Path& path);
  Status append(std::string_view text);
  /// Gives the file its name; without this call nothing is left behind at `path`.
  Status finish();

 private:
  TextOutput(FileSystem& files, Path path) : files_(&files), path_(std::move(path)) {}
  Path temporary() const {
    return path_.parent_path() / ("." + path_.filename().string() + ".tmp");
  }

  FileSystem* files_;
  Path path_;
  std::unique_ptr<WritableFile> file_;
  std::string pending_;
};

/// One name a line, index = line from 0, as CaptionDataset reads tag names (a CSV of one column).
Status write_names(FileSystem& files, const Path& path, std::span<const TagCount> tags);
/// "tag,captions" with that header, in the order of the names.
Status write_counts(FileSystem& files, const Path& path, std::span<const TagCount> tags);

/// One JSON object, key → list of indices, a key a line, as CaptionDataset reads tags.
class IndexOutput {
 public:
  static Result<IndexOutput> create(FileSystem& files, const Path& path);
  Status add(std::string_view key, std::span<const std::int32_t> indices);
  Status finish();

 private:
  explicit IndexOutput(TextOutput text) : text_(std::move(text)) {}
  TextOutput text_;
  bool first_ = true;
};

/// {"id": …, "objects": […], "attributes": [[attribute, object], …]} and a line break.
std::string caption_line(std::string_view key, const CaptionTags& tags);

}  // namespace tagalign::data
