/// Finds the image of a row of captions among those of the shards. For data/ only.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "data/datasets/captions/caption_row.h"
#include "data/datasets/captions/text_index.h"
#include "data/sources/archives/archive_names.h"
#include "data/sources/files/sha1.h"
#include "data/sources/shard_set.h"

namespace tagalign::data {

enum class ImageJoin { kFile, kBaseName, kUrl, kSha1 };
inline constexpr std::size_t kImageJoins = 4;

/// Borrows the shards. Indexes are made when the first row asks for them.
class ImageNames {
 public:
  struct Found {
    std::size_t image;
    ImageJoin by;
  };

  explicit ImageNames(const ShardSet& shards) : shards_(shards) {}

  /// By the URL, then by its SHA-1 as the name of the file; by the file's whole name, then by the
  /// last part of it where that is unambiguous.
  std::optional<Found> find(const CaptionRow& row) {
    if (!row.url.empty()) {
      if (const auto found = index_of(by_url_, ImageJoin::kUrl).find(row.url))
        return Found{found->number, ImageJoin::kUrl};
      if (const auto found = index_of(by_key_, ImageJoin::kSha1).find(sha1_hex(row.url)))
        return Found{found->number, ImageJoin::kSha1};
    }
    if (row.file.empty()) return std::nullopt;
    if (const auto image = find_name(plain_name(row.file))) return Found{*image, ImageJoin::kFile};
    const auto found = index_of(by_base_, ImageJoin::kBaseName).find(base_name(row.file));
    if (!found || found->is_ambiguous) return std::nullopt;
    return Found{found->number, ImageJoin::kBaseName};
  }

  /// The first image of this name.
  std::optional<std::size_t> find_name(std::string_view name) {
    const auto found = index_of(by_name_, ImageJoin::kFile).find(name);
    return found ? std::optional(found->number) : std::nullopt;
  }

 private:
  /// What of an image the join compares.
  struct TextOf {
    const ShardSet* shards;
    ImageJoin by;
    std::string_view operator()(std::size_t image) const {
      const ShardMember member = shards->image(image);
      switch (by) {
        case ImageJoin::kFile:
          return member.name;
        case ImageJoin::kBaseName:
          return base_name(member.name);
        case ImageJoin::kUrl:
          return member.url;
        case ImageJoin::kSha1:
          return key_of(base_name(member.name));
      }
      return {};
    }
  };
  using Index = TextIndex<TextOf>;

  const Index& index_of(std::optional<Index>& index, ImageJoin by) const {
    if (!index) index.emplace(shards_.size(), TextOf{&shards_, by});
    return *index;
  }

  const ShardSet& shards_;
  std::optional<Index> by_name_, by_base_, by_url_, by_key_;
};

}  // namespace tagalign::data
