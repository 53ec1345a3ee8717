#include "data/pack/pack_source.h"

#include <algorithm>

#include "base/checksum.h"
#include "base/format.h"
#include "data/datasets/captions/caption_rows.h"
#include "data/pack/packed_image.h"
#include "data/sources/archives/archive_names.h"
#include "data/sources/shard_set.h"

namespace tagalign::data {
namespace {

struct NamedSources {
  std::vector<std::string> images;
  std::vector<std::string> captions;
};

Result<NamedSources> sort_sources(FileSystem& files, const std::vector<std::string>& sources) {
  NamedSources named;
  for (const std::string& source : sources) {
    const auto root = find_shards(source);
    if (root.ok()) {
      named.images.push_back(source);
    } else if (data::exists(source) && CaptionRows::open(files, source).ok()) {
      named.captions.push_back(source);
    } else {
      return root.status();
    }
  }
  if (named.images.empty())
    return invalid_argument("pack: expected a folder, zip or tar of images, found none");
  if (named.captions.size() > 1)
    return invalid_argument(format("pack: expected one file of captions at most, found {}",
                                   fmt::join(named.captions, ", ")));
  return named;
}

}  // namespace

Result<PackSource> PackSource::open(FileSystem& files, const std::vector<std::string>& sources,
                                    const Path& cache, std::size_t threads) {
  TA_ASSIGN_OR_RETURN(const NamedSources named, sort_sources(files, sources));
  PackSource source;
  std::string digests;
  for (const std::string& images : named.images) {
    const CaptionDatasetOptions options{.root = images,
                                        .captions = named.captions.empty() ? "" : named.captions[0],
                                        .tags = {},
                                        .tag_names = {},
                                        .cache = cache,
                                        .threads = threads,
                                        .keep_urls = true};
    TA_ASSIGN_OR_RETURN(CaptionDataset dataset, CaptionDataset::open(files, options));
    source.starts_.push_back(source.size() + dataset.size());
    digests += dataset.digest() + "\n";
    source.notices_.insert(source.notices_.end(), dataset.notices().begin(),
                           dataset.notices().end());
    source.datasets_.push_back(std::move(dataset));
  }
  source.digest_ = digest128(as_bytes(digests)).hex();
  source.find_equal_names();
  return source;
}

/// By key, for an image and its texts share it. Sorting digests needs less memory than names.
void PackSource::find_equal_names() {
  std::vector<std::pair<std::uint64_t, std::uint64_t>> keys;
  keys.reserve(size());
  for (std::uint64_t number = 0; number < size(); ++number) {
    const Place place = place_of(number);
    const std::string name = packed_name(place.dataset->record(place.index).file);
    keys.emplace_back(digest64(as_bytes(key_of(name))), number);
  }
  std::sort(keys.begin(), keys.end());
  std::uint32_t nth = 1;
  for (std::size_t i = 1; i < keys.size(); ++i) {
    nth = keys[i].first == keys[i - 1].first ? nth + 1 : 1;
    if (nth > 1) renamed_.emplace(keys[i].second, nth);
  }
}

PackSource::Place PackSource::place_of(std::uint64_t number) const {
  const auto after = std::upper_bound(starts_.begin(), starts_.end(), number);
  const auto at = static_cast<std::size_t>(after - starts_.begin()) - 1;
  return {&datasets_[at], static_cast<std::size_t>(number - starts_[at])};
}

SourceImage PackSource::image(std::uint64_t number) const {
  const Place place = place_of(number);
  const CaptionRecord record = place.dataset->record(place.index);
  SourceImage image{packed_name(record.file), place.dataset->image_name(place.index),
                    record.caption, place.dataset->url(place.index)};
  if (const auto nth = renamed_.find(number); nth != renamed_.end()) {
    const std::string key(key_of(image.name));
    image.name.insert(key.size(), format("~{}", nth->second));
  }
  return image;
}

Result<std::string> PackSource::read(std::uint64_t number) const {
  const Place place = place_of(number);
  return place.dataset->read_image(place.index);
}

}  // namespace tagalign::data
