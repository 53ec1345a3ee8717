#include "data/tags/files/make_tags.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

#include "base/checksum.h"
#include "base/format.h"
#include "data/image/parallel.h"
#include "data/tags/files/imported_tags.h"
#include "data/tags/files/tag_output.h"
#include "data/tags/parse/caption_parser.h"

namespace tagalign::data {
namespace {

constexpr std::size_t kBatchRows = 16'384;
constexpr std::size_t kExamples = 10;

/// Lists of numbers one behind the other.
class NumberLists {
 public:
  void add(std::span<const TagId> numbers) {
    numbers_.insert(numbers_.end(), numbers.begin(), numbers.end());
    lengths_.push_back(static_cast<std::uint16_t>(numbers.size()));
  }
  /// The lists in their order, each once.
  std::span<const TagId> next() {
    const std::size_t length = lengths_[list_++];
    at_ += length;
    return std::span(numbers_).subspan(at_ - length, length);
  }

 private:
  std::vector<TagId> numbers_;
  std::vector<std::uint16_t> lengths_;
  std::size_t at_ = 0;
  std::size_t list_ = 0;
};

/// What one thread holds.
struct Part {
  explicit Part(const Vocabulary& vocabulary) : parser(vocabulary) {}
  CaptionParser parser;
  TagCounts objects, attributes;
  NumberLists object_lists, attribute_lists;
  std::uint64_t not_english = 0;
  std::vector<std::int32_t> object_indices, attribute_indices;  ///< of TagIds, for the second pass

  void count(const CaptionTags& tags) {
    if (!tags.english) ++not_english;
    const auto number = [](TagCounts& counts, std::vector<std::string_view> names) {
      constexpr std::size_t kTagsMax = std::numeric_limits<std::uint16_t>::max();
      std::sort(names.begin(), names.end());
      names.erase(std::unique(names.begin(), names.end()), names.end());
      names.resize(std::min(names.size(), kTagsMax));
      std::vector<TagId> ids;
      for (const std::string_view name : names) ids.push_back(counts.add(name));
      return ids;
    };
    object_lists.add(number(objects, {tags.objects.begin(), tags.objects.end()}));
    std::vector<std::string_view> names;
    for (const Attribute& each : tags.attributes) names.push_back(each.attribute);
    attribute_lists.add(number(attributes, names));
  }
};

/// Rows [begin, end) of a batch that a part took.
struct Share {
  std::size_t begin = 0;
  std::size_t end = 0;
};
Share share_of(std::size_t rows, std::size_t part, std::size_t parts) {
  return {rows * part / parts, rows * (part + 1) / parts};
}

/// Batches of rows, from caption files or from an import alone.
class Rows {
 public:
  static Result<Rows> open(FileSystem& files, const TagOptions& options,
                           const ImportedTags* imported) {
    TA_ASSIGN_OR_RETURN(CaptionFiles captions, CaptionFiles::open(files, options.captions));
    Rows rows(std::move(captions));
    rows.is_import_ = options.captions.empty() && imported != nullptr;
    if (rows.is_import_) rows.imported_ = imported->rows();
    return rows;
  }

  /// Replaces `batch` by the next rows, by none at the end. The same at every call of a program.
  Status next(std::vector<CaptionRow>& batch) {
    batch.clear();
    if (!is_import_) return captions_.read(kBatchRows, batch);
    const std::size_t count = std::min(kBatchRows, imported_.size() - at_);
    const auto begin = imported_.begin() + static_cast<std::ptrdiff_t>(at_);
    batch.assign(begin, begin + static_cast<std::ptrdiff_t>(count));
    at_ += count;
    return ok_status();
  }
  const CaptionFiles& files() const { return captions_; }

 private:
  explicit Rows(CaptionFiles captions) : captions_(std::move(captions)) {}
  CaptionFiles captions_;
  bool is_import_ = false;
  std::vector<CaptionRow> imported_;
  std::size_t at_ = 0;  ///< in imported_
};

class Maker {
 public:
  Maker(FileSystem& files, Clock& clock, const TagOptions& options,
        const ProgressCallback& progress)
      : files_(files), clock_(clock), options_(options), progress_(progress) {}

  Result<TagReport> run() {
    start_ms_ = clock_.monotonic_ms();
    TA_ASSIGN_OR_RETURN(vocabulary_, Vocabulary::open(files_, options_.wordnet, options_.lists));
    const std::size_t threads = options_.threads > 0 ? options_.threads : usual_threads();
    for (std::size_t i = 0; i < threads; ++i)
      parts_.push_back(std::make_unique<Part>(*vocabulary_));
    if (!options_.import.empty()) {
      TA_ASSIGN_OR_RETURN(
          imported_,
          ImportedTags::open(files_, options_.import, options_.raw ? nullptr : &parts_[0]->parser));
    }
    TA_RETURN_IF_ERROR(files_.create_directories(options_.output));
    TA_RETURN_IF_ERROR(count_all());
    find_repeated();
    choose();
    TA_RETURN_IF_ERROR(write_lists());
    TA_RETURN_IF_ERROR(index_all());
    finish_report();
    return std::move(report_);
  }

 private:
  const ImportedTags* imported() const { return imported_ ? &*imported_ : nullptr; }

  Status count_all() {
    TA_ASSIGN_OR_RETURN(Rows rows, Rows::open(files_, options_, imported()));
    std::optional<TextOutput> per_caption;
    if (!options_.per_caption.empty()) {
      TA_ASSIGN_OR_RETURN(per_caption, TextOutput::create(files_, options_.per_caption));
    }
    std::vector<CaptionRow> batch;
    std::vector<CaptionTags> tags;
    while (true) {
      TA_RETURN_IF_ERROR(rows.next(batch));
      if (batch.empty()) break;
      TA_RETURN_IF_ERROR(parse(batch, tags));
      for (std::size_t i = 0; per_caption && i < batch.size(); ++i)
        TA_RETURN_IF_ERROR(per_caption->append(caption_line(batch[i].key(), tags[i])));
      for (const CaptionRow& row : batch)
        keys_.emplace_back(digest64(as_bytes(row.key())), static_cast<std::uint32_t>(keys_.size()));
      report_.captions += batch.size();
      tell(rows.files(), false);
    }
    tell(rows.files(), true);
    report_.broken = rows.files().broken();
    if (report_.captions == 0)
      return invalid_argument(format("make tags: expected captions, found none{}",
                                     report_.broken.count > 0 ? ": " + report_.broken.first : ""));
    return per_caption ? per_caption->finish() : ok_status();
  }

  /// The parser's tags of a batch, or the imported ones, counted by the part that holds them.
  Status parse(const std::vector<CaptionRow>& batch, std::vector<CaptionTags>& tags) {
    tags.assign(batch.size(), {});
    if (imported_) take_imported(batch, tags);
    return in_parallel(parts_.size(), parts_.size(), [&](std::size_t p) {
      const Share share = share_of(batch.size(), p, parts_.size());
      for (std::size_t i = share.begin; i < share.end; ++i) {
        if (!imported_) tags[i] = parts_[p]->parser.parse(batch[i].caption);
        parts_[p]->count(tags[i]);
      }
      return ok_status();
    });
  }

  void take_imported(const std::vector<CaptionRow>& batch, std::vector<CaptionTags>& tags) {
    for (std::size_t i = 0; i < batch.size(); ++i) {
      const CaptionTags* found = imported_->find(batch[i]);
      if (found != nullptr) {
        tags[i] = *found;
      } else if (++report_.not_imported <= kExamples) {
        report_.first_not_imported.push_back(batch[i].key());
      }
    }
  }

  /// How many captions there will be is judged by the bytes that are read, until all are counted.
  void tell(const CaptionFiles& captions, bool last) const {
    if (!progress_ || report_.captions == 0) return;
    const auto elapsed_ms = static_cast<double>(clock_.monotonic_ms() - start_ms_);
    const auto done = static_cast<double>(report_.captions);
    const double total = done * static_cast<double>(captions.bytes_total()) /
                         static_cast<double>(std::max<std::uint64_t>(captions.bytes_read(), 1));
    Progress progress{.done = report_.captions, .total = report_.captions};
    if (!last) progress.total = std::max(progress.done + 1, static_cast<std::uint64_t>(total));
    if (elapsed_ms > 0) {
      progress.per_second = done * 1000 / elapsed_ms;
      progress.remaining_ms = static_cast<std::int64_t>(
          static_cast<double>(progress.total - progress.done) * 1000 / progress.per_second);
    }
    progress_(progress);
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
    std::vector<const TagCounts*> objects;
    std::vector<const TagCounts*> attributes;
    for (const auto& part : parts_) {
      objects.push_back(&part->objects);
      attributes.push_back(&part->attributes);
      report_.not_english += part->not_english;
    }
    auto all_objects = merge(objects);
    auto all_attributes = merge(attributes);
    report_.objects_found = all_objects.size();
    report_.attributes_found = all_attributes.size();
    report_.objects = kept(std::move(all_objects), options_.objects);
    report_.attributes = kept(std::move(all_attributes), options_.attributes);
    for (auto& part : parts_) {
      part->object_indices = indices_in(part->objects, report_.objects);
      part->attribute_indices = indices_in(part->attributes, report_.attributes);
    }
  }

  Status write_lists() {
    const Path& folder = options_.output;
    TA_RETURN_IF_ERROR(write_names(files_, folder / "object_list.csv", report_.objects));
    TA_RETURN_IF_ERROR(write_names(files_, folder / "attribute_list.csv", report_.attributes));
    TA_RETURN_IF_ERROR(write_counts(files_, folder / "object_counts.csv", report_.objects));
    return write_counts(files_, folder / "attribute_counts.csv", report_.attributes);
  }

  /// The two indices of captions with one kind of key, made when the first such caption comes.
  struct Indices {
    std::optional<IndexOutput> objects, attributes;
  };
  Status open(Indices& indices, const std::string& prefix) {
    const Path& folder = options_.output;
    TA_ASSIGN_OR_RETURN(indices.objects,
                        IndexOutput::create(files_, folder / (prefix + "object_index.json")));
    TA_ASSIGN_OR_RETURN(indices.attributes,
                        IndexOutput::create(files_, folder / (prefix + "attribute_index.json")));
    return ok_status();
  }

  Status index_all() {
    TA_ASSIGN_OR_RETURN(Rows rows, Rows::open(files_, options_, imported()));
    Indices by_name;
    Indices by_url;
    std::vector<CaptionRow> batch;
    std::uint64_t seen = 0;
    while (true) {
      TA_RETURN_IF_ERROR(rows.next(batch));
      if (batch.empty()) break;
      seen += batch.size();
      if (seen > report_.captions) break;
      for (std::size_t p = 0; p < parts_.size(); ++p) {
        const Share share = share_of(batch.size(), p, parts_.size());
        for (std::size_t i = share.begin; i < share.end; ++i) {
          Indices& indices = batch[i].is_url() ? by_url : by_name;
          if (!indices.objects) TA_RETURN_IF_ERROR(open(indices, batch[i].is_url() ? "url_" : ""));
          TA_RETURN_IF_ERROR(index(batch[i], *parts_[p], indices));
        }
      }
    }
    if (seen != report_.captions)
      return data_loss(
          format("make tags: expected {} captions at the second reading, found {}; do "
                 "not change the files meanwhile",
                 report_.captions, seen));
    for (Indices* indices : {&by_name, &by_url}) {
      if (!indices->objects) continue;
      TA_RETURN_IF_ERROR(indices->objects->finish());
      TA_RETURN_IF_ERROR(indices->attributes->finish());
    }
    return ok_status();
  }

  static std::vector<std::int32_t> indices_of(NumberLists& lists,
                                              const std::vector<std::int32_t>& places) {
    std::vector<std::int32_t> indices;
    for (const TagId id : lists.next()) {
      if (places[id] >= 0) indices.push_back(places[id]);
    }
    std::sort(indices.begin(), indices.end());
    return indices;
  }

  Status index(const CaptionRow& row, Part& part, Indices& outputs) {
    const auto objects = indices_of(part.object_lists, part.object_indices);
    const auto attributes = indices_of(part.attribute_lists, part.attribute_indices);
    if (objects.empty()) ++report_.without_tags;
    if (repeated_[row_++]) return ok_status();
    TA_RETURN_IF_ERROR(outputs.objects->add(row.key(), objects));
    return outputs.attributes->add(row.key(), attributes);
  }

  void finish_report() {
    report_.elapsed_ms = clock_.monotonic_ms() - start_ms_;
    if (!imported_) return;
    report_.broken_import = imported_->broken();
    report_.lines_unused = imported_->unused();
    report_.first_unused = imported_->first_unused(kExamples);
  }

  FileSystem& files_;
  Clock& clock_;
  const TagOptions& options_;
  const ProgressCallback& progress_;
  MonotonicMs start_ms_ = 0;
  std::unique_ptr<const Vocabulary> vocabulary_;
  std::vector<std::unique_ptr<Part>> parts_;
  std::optional<ImportedTags> imported_;
  std::vector<std::pair<std::uint64_t, std::uint32_t>> keys_;  ///< digest of a key, its row
  std::vector<bool> repeated_;                                 ///< by row
  std::size_t row_ = 0;                                        ///< of the second pass
  TagReport report_;
};

}  // namespace

Result<TagReport> make_tags(FileSystem& files, Clock& clock, const TagOptions& options,
                            const ProgressCallback& progress) {
  return Maker(files, clock, options, progress).run();
}

}  // namespace tagalign::data
