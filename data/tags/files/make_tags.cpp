#include "data/tags/files/make_tags.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/checksum.h"
#include "base/counted.h"
#include "base/format.h"
#include "data/tags/files/tag_output.h"
#include "data/tags/files/tag_parsing.h"
#include "data/tags/files/tagged_captions.h"

namespace tagalign::data {
namespace {

std::vector<std::string_view> object_names(const CaptionTags& tags) {
  return {tags.objects.begin(), tags.objects.end()};
}

/// Whatever they belong to.
std::vector<std::string_view> attribute_names(const CaptionTags& tags) {
  std::vector<std::string_view> names;
  for (const Attribute& each : tags.attributes) names.push_back(each.attribute);
  return names;
}

/// Once a caption.
void count(std::vector<std::string_view> names, TagCounts& counts) {
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  for (const std::string_view name : names) counts.add(name);
}

/// Places of names in a list, ascending, each once.
class ListIndex {
 public:
  explicit ListIndex(const std::vector<TagCount>& list) {
    for (std::size_t i = 0; i < list.size(); ++i)
      places_.emplace(list[i].tag, static_cast<std::int32_t>(i));
  }

  std::vector<std::int32_t> of(const std::vector<std::string_view>& names) const {
    std::vector<std::int32_t> places;
    for (const std::string_view name : names) {
      if (const auto found = places_.find(name); found != places_.end())
        places.push_back(found->second);
    }
    std::sort(places.begin(), places.end());
    places.erase(std::unique(places.begin(), places.end()), places.end());
    return places;
  }

 private:
  TextMap<std::int32_t> places_;
};

/// The two indices of captions with one kind of key, made when the first such caption comes.
class KeyedIndices {
 public:
  KeyedIndices(FileSystem& files, Path folder, std::string prefix)
      : files_(files), folder_(std::move(folder)), prefix_(std::move(prefix)) {}

  Status add(const std::string& key, std::span<const std::int32_t> objects,
             std::span<const std::int32_t> attributes) {
    if (!objects_) TA_RETURN_IF_ERROR(open());
    TA_RETURN_IF_ERROR(objects_->add(key, objects));
    return attributes_->add(key, attributes);
  }

  Status finish() {
    if (!objects_) return ok_status();
    TA_RETURN_IF_ERROR(objects_->finish());
    return attributes_->finish();
  }

 private:
  Status open() {
    TA_ASSIGN_OR_RETURN(objects_,
                        IndexOutput::create(files_, folder_ / (prefix_ + "object_index.json")));
    TA_ASSIGN_OR_RETURN(attributes_,
                        IndexOutput::create(files_, folder_ / (prefix_ + "attribute_index.json")));
    return ok_status();
  }

  FileSystem& files_;
  Path folder_;
  std::string prefix_;
  std::optional<IndexOutput> objects_, attributes_;
};

class Finishing {
 public:
  Finishing(FileSystem& files, const TagOptions& options) : files_(files), options_(options) {}

  Result<TagReport> run() {
    TA_RETURN_IF_ERROR(files_.create_directories(options_.output));
    TA_ASSIGN_OR_RETURN(captions_, TaggedCaptions::create(files_, options_));
    TA_RETURN_IF_ERROR(count_all());
    find_repeated();
    choose();
    TA_RETURN_IF_ERROR(write_lists());
    TA_RETURN_IF_ERROR(index_all());
    captions_->report(report_);
    captions_.reset();
    TA_RETURN_IF_ERROR(remove_pieces());
    return std::move(report_);
  }

 private:
  Status count_all() {
    std::optional<TextOutput> per_caption;
    if (!options_.per_caption.empty()) {
      TA_ASSIGN_OR_RETURN(per_caption, TextOutput::create(files_, options_.per_caption));
    }
    TA_RETURN_IF_ERROR(captions_->each([&](const CaptionRow& row, const CaptionTags& tags) {
      report_.not_english += tags.english ? 0 : 1;
      count(object_names(tags), objects_);
      count(attribute_names(tags), attributes_);
      keys_.emplace_back(digest64(as_bytes(row.key())), static_cast<std::uint32_t>(keys_.size()));
      return per_caption ? per_caption->append(caption_line(row.key(), tags)) : ok_status();
    }));
    report_.captions = keys_.size();
    report_.broken = captions_->broken();
    if (keys_.empty())
      return invalid_argument(format("make tags: expected captions, found none{}",
                                     report_.broken.count > 0 ? ": " + report_.broken.first : ""));
    return per_caption ? per_caption->finish() : ok_status();
  }

  /// Of equal keys the first is indexed. Sorting digests needs less memory than a table of keys.
  void find_repeated() {
    std::sort(keys_.begin(), keys_.end());
    repeated_.assign(keys_.size(), false);
    for (std::size_t i = 1; i < keys_.size(); ++i) {
      if (keys_[i].first != keys_[i - 1].first) continue;
      repeated_[keys_[i].second] = true;
      ++report_.repeated_keys;
    }
    keys_ = {};
  }

  void choose() {
    std::vector<TagCount> objects = ordered(objects_);
    std::vector<TagCount> attributes = ordered(attributes_);
    report_.objects_found = objects.size();
    report_.attributes_found = attributes.size();
    report_.objects = kept(std::move(objects), options_.objects);
    report_.attributes = kept(std::move(attributes), options_.attributes);
  }

  Status write_lists() {
    const Path& folder = options_.output;
    TA_RETURN_IF_ERROR(write_names(files_, folder / "object_list.csv", report_.objects));
    TA_RETURN_IF_ERROR(write_names(files_, folder / "attribute_list.csv", report_.attributes));
    TA_RETURN_IF_ERROR(write_counts(files_, folder / "object_counts.csv", report_.objects));
    return write_counts(files_, folder / "attribute_counts.csv", report_.attributes);
  }

  Status index_all() {
    KeyedIndices by_name(files_, options_.output, "");
    KeyedIndices by_url(files_, options_.output, "url_");
    const ListIndex objects(report_.objects);
    const ListIndex attributes(report_.attributes);
    std::size_t seen = 0;
    TA_RETURN_IF_ERROR(captions_->each([&](const CaptionRow& row, const CaptionTags& tags) {
      const std::size_t number = seen++;
      if (number >= repeated_.size()) return ok_status();
      const auto found = objects.of(object_names(tags));
      if (found.empty()) ++report_.without_tags;
      if (repeated_[number]) return ok_status();
      return (row.is_url() ? by_url : by_name)
          .add(row.key(), found, attributes.of(attribute_names(tags)));
    }));
    if (seen != report_.captions)
      return data_loss(
          format("make tags: expected {} at the second reading, found {}; do "
                 "not change the files meanwhile",
                 counted(report_.captions, "caption"), seen));
    TA_RETURN_IF_ERROR(by_name.finish());
    return by_url.finish();
  }

  /// Those of other captions or lists too: nobody will ask for them here.
  Status remove_pieces() {
    TA_ASSIGN_OR_RETURN(const auto names, files_.list_directory(options_.output));
    for (const std::string& name : names) {
      if (name.starts_with(".tags-")) TA_RETURN_IF_ERROR(files_.remove_all(options_.output / name));
    }
    return ok_status();
  }

  FileSystem& files_;
  const TagOptions& options_;
  std::unique_ptr<TaggedCaptions> captions_;
  TagCounts objects_, attributes_;
  std::vector<std::pair<std::uint64_t, std::uint32_t>> keys_;  ///< digest of a key, its row
  std::vector<bool> repeated_;                                 ///< by row
  TagReport report_;
};

}  // namespace

Result<bool> parse_tags(FileSystem& files, Clock& clock, const TagOptions& options,
                        const WorkShare& share, const StopCheck& stop,
                        const ProgressCallback& progress) {
  if (!options.import.empty()) return true;
  return parse_tag_pieces(files, clock, options, share, stop, progress);
}

Result<TagReport> finish_tags(FileSystem& files, Clock& clock, const TagOptions& options) {
  const MonotonicMs start_ms = clock.monotonic_ms();
  TA_ASSIGN_OR_RETURN(TagReport report, Finishing(files, options).run());
  report.elapsed_ms = clock.monotonic_ms() - start_ms;
  return report;
}

Result<TagReport> make_tags(FileSystem& files, Clock& clock, const TagOptions& options,
                            const ProgressCallback& progress) {
  const MonotonicMs start_ms = clock.monotonic_ms();
  TA_RETURN_IF_ERROR(parse_tags(files, clock, options, {}, {}, progress).status());
  TA_ASSIGN_OR_RETURN(TagReport report, finish_tags(files, clock, options));
  report.elapsed_ms = clock.monotonic_ms() - start_ms;
  return report;
}

}  // namespace tagalign::data
