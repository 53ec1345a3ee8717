#include "data/report/report.h"

#include <algorithm>
#include <mutex>

#include "base/checksum.h"
#include "base/format.h"
#include "data/datasets/captions/caption_rows.h"
#include "data/datasets/captions/image_names.h"
#include "data/image/image.h"
#include "data/image/parallel.h"
#include "data/sources/archives/archive_names.h"
#include "data/sources/image_reader.h"

namespace tagalign::data {
namespace {

Histogram histogram(const char* unit, std::vector<std::uint64_t> bounds) {
  const std::size_t count = bounds.size();
  return {unit, std::move(bounds), std::vector<std::uint64_t>(count)};
}

/// Sources told apart.
struct Sources {
  std::vector<Path> shards;
  std::vector<Path> captions;
};

Result<Sources> sort_sources(FileSystem& files, const std::vector<std::string>& names) {
  Sources sources;
  for (const std::string& name : names) {
    const auto root = find_shards(name);
    if (root.ok()) {
      sources.shards.insert(sources.shards.end(), root->shards.begin(), root->shards.end());
      continue;
    }
    if (!data::exists(name) || !CaptionRows::open(files, name).ok()) return root.status();
    sources.captions.emplace_back(name);
  }
  return sources;
}

std::uint64_t characters(std::string_view text) {
  return static_cast<std::uint64_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  }));
}

/// U+4E00 to U+9FFF, which the reference looks for.
bool has_chinese(std::string_view text) {
  for (std::size_t i = 0; i + 2 < text.size(); ++i) {
    const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[i + at]); };
    if ((byte(0) & 0xf0) != 0xe0) continue;
    const unsigned point = (byte(0) & 15u) << 12 | (byte(1) & 63u) << 6 | (byte(2) & 63u);
    if (point >= 0x4e00 && point <= 0x9fff) return true;
  }
  return false;
}

std::string format_of(std::string_view bytes) {
  if (bytes.starts_with("\xff\xd8\xff")) return "jpeg";
  if (bytes.starts_with("\x89PNG")) return "png";
  if (bytes.starts_with("GIF8")) return "gif";
  if (bytes.starts_with("RIFF") && bytes.substr(0, 12).ends_with("WEBP")) return "webp";
  return bytes.empty() ? "empty" : "other";
}

void add_shard(const Shard& shard, DataReport& report) {
  const ShardFindings& found = shard.index.findings();
  ShardRow row{shard.path.string(), shard.index.size(), std::nullopt, found.trouble};
  if (shard.statistics.found) row.expected = shard.statistics.expected;
  report.shards.push_back(std::move(row));
  const auto odd = [&](const char* name, std::uint64_t count) {
    if (count > 0) report.oddities[name] += count;
  };
  odd("images without caption", found.without_caption);
  odd("captions without image", found.captions_without_image);
  odd("empty captions", found.empty_captions);
  odd("keys that come twice", found.duplicates);
  odd("texts that cannot be read", found.broken_texts);
  odd("members that cannot be read", found.unreadable);
  odd("other files", found.other_files);
  odd("shards that end early", found.trouble.empty() ? 0 : 1);
  const auto& statuses =
      shard.statistics.statuses.empty() ? found.statuses : shard.statistics.statuses;
  for (const auto& [status, count] : statuses) report.statuses[status] += count;
}

void add_image(const ShardMember& image, DataReport& report) {
  ++report.images;
  report.image_bytes += image.place.bytes;
  ++report.endings[extension_of(image.name)];
  report.file_sizes.add(image.place.bytes);
  if (!image.has_caption) return;
  ++report.with_caption;
  report.caption_lengths.add(characters(image.caption));
  if (has_chinese(image.caption)) ++report.chinese;
}

/// Captions of a file count for lengths where they find an image.
Result<LinkRow> add_captions(FileSystem& files, const Path& path, ImageNames& names,
                             DataReport& report) {
  LinkRow link{.name = path.string()};
  TA_ASSIGN_OR_RETURN(CaptionRows rows, CaptionRows::open(files, path));
  while (true) {
    TA_ASSIGN_OR_RETURN(const auto row, rows.next());
    if (!row) break;
    ++link.rows;
    if (!names.find(*row)) continue;
    ++link.with_image;
    report.caption_lengths.add(characters(row->caption));
    if (has_chinese(row->caption)) ++report.chinese;
  }
  link.bad_lines = rows.broken().count;
  return link;
}

/// Reads and decodes a sample of the images.
class Examination {
 public:
  Examination(const ShardSet& shards, const ImageReader& reader, DataReport& report)
      : shards_(shards), reader_(reader), report_(report) {}

  void examine(std::size_t number) {
    const ShardMember member = shards_.image(number);
    const ImageAddress address{static_cast<std::uint32_t>(shards_.shard_of(number)), member.place,
                               member.name};
    const std::string name = reader_.describe(address);
    const auto bytes = reader_.read(address);
    const auto image = bytes.ok() ? decode_image(*bytes, ReadAs::kTraining, name)
                                  : Result<Image>(bytes.status());
    const std::lock_guard lock(mutex_);
    ++report_.examined;
    if (bytes.ok()) {
      ++report_.formats[format_of(*bytes)];
      digests_.push_back(digest128(as_bytes(*bytes)));
    }
    if (image.ok()) {
      report_.short_sides.add(static_cast<std::uint64_t>(std::min(image->width, image->height)));
    } else {
      add_broken(image.status());
    }
  }

  void finish() {
    std::sort(digests_.begin(), digests_.end());
    for (std::size_t i = 1; i < digests_.size(); ++i)
      if (digests_[i] == digests_[i - 1]) ++report_.equal_files;
  }

 private:
  /// Of equal kinds the alphabetically first message stands, whichever thread was faster.
  void add_broken(const Status& status) {
    BrokenKind& kind = report_.broken[std::string(error_code_name(status.code()))];
    if (kind.count++ == 0 || status.message() < kind.first) kind.first = status.message();
  }

  const ShardSet& shards_;
  const ImageReader& reader_;
  DataReport& report_;
  std::mutex mutex_;
  std::vector<Digest128> digests_;
};

Status examine_sample(FileSystem& files, const DataReportOptions& options, const ShardSet& shards,
                      const std::vector<Path>& paths,
                      const std::function<void(std::uint64_t, std::uint64_t)>& progress,
                      DataReport& report) {
  const std::size_t count = std::min<std::uint64_t>(options.decode, shards.size());
  if (count == 0) return ok_status();
  TA_ASSIGN_OR_RETURN(const auto reader, ImageReader::create(files, paths, options.derived));
  Examination examination(shards, *reader, report);
  std::mutex mutex;
  std::uint64_t done = 0;
  TA_RETURN_IF_ERROR(in_parallel(count, options.threads == 0 ? usual_threads() : options.threads,
                                 [&](std::size_t i) {
                                   examination.examine(i * shards.size() / count);
                                   const std::lock_guard lock(mutex);
                                   ++done;
                                   if (progress) progress(done, count);
                                   return ok_status();
                                 }));
  examination.finish();
  return ok_status();
}

}  // namespace

void Histogram::add(std::uint64_t value) {
  const auto after = std::upper_bound(bounds.begin(), bounds.end(), value);
  ++counts[static_cast<std::size_t>(after - bounds.begin()) - 1];
}

Result<DataReport> make_data_report(
    FileSystem& files, const DataReportOptions& options,
    const std::function<void(std::uint64_t, std::uint64_t)>& progress) {
  TA_ASSIGN_OR_RETURN(const Sources sources, sort_sources(files, options.sources));
  TA_ASSIGN_OR_RETURN(const ShardSet shards,
                      ShardSet::open(files, sources.shards, options.derived, options.threads));
  DataReport report;
  report.file_sizes = histogram("bytes", {0, 1u << 12, 1u << 14, 1u << 16, 1u << 18, 1u << 20});
  report.caption_lengths = histogram("characters", {0, 1, 16, 32, 64, 128, 256});
  report.short_sides = histogram("pixels", {0, 64, 128, 256, 512, 1024});
  for (const Shard& shard : shards.shards()) add_shard(shard, report);
  for (std::size_t i = 0; i < shards.size(); ++i) add_image(shards.image(i), report);
  ImageNames names(shards);
  for (const Path& path : sources.captions) {
    TA_ASSIGN_OR_RETURN(LinkRow link, add_captions(files, path, names, report));
    report.links.push_back(std::move(link));
  }
  TA_RETURN_IF_ERROR(examine_sample(files, options, shards, sources.shards, progress, report));
  return report;
}

}  // namespace tagalign::data
