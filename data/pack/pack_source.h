/// The images and captions that are packed, numbered through all sources. For data/pack.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/file_system.h"
#include "base/status.h"
#include "data/datasets/caption_dataset.h"

namespace tagalign::data {

struct SourceImage {
  std::string name;      ///< in the shard, unlike any other
  std::string original;  ///< for messages: CaptionDataset::image_name()
  std::string_view caption;
  std::string_view url;  ///< may be empty
};

/// Immutable; safe from several threads.
class PackSource {
 public:
  /// Errors of CaptionDataset::open(); kInvalidArgument for more than one file of captions, and
  /// when no source holds images.
  static Result<PackSource> open(FileSystem& files, const std::vector<std::string>& sources,
                                 const Path& cache, std::size_t threads);

  std::uint64_t size() const { return starts_.back(); }
  SourceImage image(std::uint64_t number) const;
  Result<std::string> read(std::uint64_t number) const;
  /// How many got another name, because theirs came before.
  std::uint64_t renamed() const { return renamed_.size(); }
  const std::vector<std::string>& notices() const { return notices_; }
  /// Of names, captions and URLs in their order.
  const std::string& digest() const { return digest_; }

 private:
  struct Place {
    const CaptionDataset* dataset;
    std::size_t index;
  };
  PackSource() = default;
  Place place_of(std::uint64_t number) const;
  void find_equal_names();

  std::vector<CaptionDataset> datasets_;
  std::vector<std::uint64_t> starts_{0};
  std::unordered_map<std::uint64_t, std::uint32_t>
      renamed_;  ///< number → which of its name, from 2
  std::vector<std::string> notices_;
  std::string digest_;
};

}  // namespace tagalign::data
