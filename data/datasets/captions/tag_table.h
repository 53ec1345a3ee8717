/// The tags of images, as the reference keeps them: one JSON object, name → list of indices.
///
/// A name may be the image's file, its URL (as in the published CC12M_url_object_index.json), its
/// key (img2dataset: the file without ending), or the last part of its path, which is
/// what the reference compares.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file_system.h"
#include "base/status.h"

namespace tagalign::data {

enum class TagJoin { kFile, kUrl, kKey, kBaseName };
inline constexpr int kTagJoins = 4;

struct TagMatch {
  TagJoin by = TagJoin::kFile;
  std::vector<std::int32_t> tags;
  bool is_ambiguous = false;  ///< by base name: several entries have it; the first was taken
};

/// Immutable; safe from several threads. Memory: 19 bytes an entry, 30 once one is
/// looked for by its base name.
class TagTable {
 public:
  /// Reads the JSON as a stream. kInvalidArgument names file and line: broken JSON, an index that
  /// is not below `tag_count`. A name that comes twice has the list that came last.
  static Result<TagTable> read(FileSystem& files, const Path& path, std::size_t tag_count,
                               const Path& scratch);

  std::size_t size() const;
  std::string_view name(std::size_t entry) const;
  /// By the whole file name first, then by URL (where it is not empty), key and base name.
  std::optional<TagMatch> find(std::string_view file, std::string_view url) const;

 private:
  struct Entries;
  explicit TagTable(std::shared_ptr<const Entries> entries) : entries_(std::move(entries)) {}
  std::shared_ptr<const Entries> entries_;
};

}  // namespace tagalign::data
