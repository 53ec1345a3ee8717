/// The text of a table that may be larger than the memory. For data/ only.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/file_system.h"
#include "base/limits.h"
#include "data/sources/files/shard_files.h"

namespace tagalign::data {

/// A small file is read, a large one mapped: its pages are the kernel's.
class TableText {
 public:
  static Result<TableText> open(FileSystem& files, const Path& path) {
    constexpr std::uint64_t kMappedFrom = 64u << 20;
    TableText table;
    TA_ASSIGN_OR_RETURN(const std::uint64_t size, files.file_size(path));
    if (size < kMappedFrom) {
      TA_ASSIGN_OR_RETURN(table.owned_, files.read_file(path, limits::kTableFileBytesMax));
    } else {
      TA_ASSIGN_OR_RETURN(table.mapped_, MappedFile::open(path));
    }
    return table;
  }

  std::string_view text() const { return mapped_ ? mapped_->text() : std::string_view(owned_); }

 private:
  std::string owned_;
  std::shared_ptr<const MappedFile> mapped_;
};

}  // namespace tagalign::data
