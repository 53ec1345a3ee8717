#include "data/report/report.h"

#include <algorithm>
#include <mutex>
#include <utility>

#include "base/format.h"
#include "base/utf8.h"
#include "data/datasets/captions/caption_rows.h"
#include "data/datasets/captions/image_names.h"
#include "data/datasets/captions/tag_names.h"
#include "data/report/examination.h"
#include "data/shares/parallel.h"
#include "data/sources/archives/archive_names.h"

namespace tagalign::data {
namespace {

constexpr std::size_t kNameBytesMax = 1000;

/// Images that nothing can read stand among the broken ones, whether those were looked for or not.
void add_no_files(const Path& folder, const std::string& kind, const NamesOfAKind& names,
                  DataReport& report) {
  BrokenKind& sum = report.broken[kind];
  const std::string first = printable((folder / names.first).string(), kNameBytesMax);
  if (sum.count == 0 || first < sum.first) sum.first = first;
  sum.count += names.count;
}

void add_shard(const Shard& shard, DataReport& report) {
  const ShardFindings& found = shard.index.findings();
  ShardRow row{shard.path.string(), shard.index.size(), std::nullopt, found.trouble};
  if (shard.statistics.found) row.expected = shard.statistics.expected;
  report.shards.push_back(std::move(row));
  const auto odd = [&](const char* name, std::uint64_t count) {
    if (count > 0) report.oddities[name] += count;
  };
  odd("images without a caption beside them", found.without_caption);
  odd("captions beside which there is no image", found.captions_without_image);
  odd("empty captions", found.empty_captions);
  odd("keys that come twice", found.duplicates);
  odd("texts that cannot be read", found.broken_texts);
  odd("members that cannot be read", found.unreadable);
  odd("other files", found.other_files);
  odd("shards that end early", found.trouble.empty() ? 0 : 1);
  for (const auto& [kind, names] : found.no_files) add_no_files(shard.path, kind, names, report);
  const auto& statuses =
      shard.statistics.statuses.empty() ? found.statuses : shard.statistics.statuses;
  for (const auto& [status, count] : statuses) report.statuses[status] += count;
}

void add_images(const ShardSet& shards, DataReport& report) {
  report.file_sizes =
      empty_histogram("bytes", {0, 1u << 12, 1u << 14, 1u << 16, 1u << 18, 1u << 20});
  CaptionCounter beside;
  EqualTexts urls;
  for (std::size_t i = 0; i < shards.size(); ++i) {
    const ShardMember image = shards.image(i);
    ++report.images;
    report.image_bytes += image.place.bytes;
    ++report.endings[extension_of(image.name)];
    report.file_sizes.add(image.place.bytes);
    urls.add(image.url);
    if (image.has_caption) beside.add(image.caption);
  }
  report.equal_urls = urls.finish();
  report.beside = beside.finish();
}

Sample sample_of(const ShardSet& shards, std::uint64_t images_max) {
  return {std::min<std::size_t>(images_max, shards.size()), shards.size()};
}

std::vector<SheetImage> begin_sheet(const ShardSet& shards) {
  std::vector<SheetImage> sheet;
  const Sample sample = sample_of(shards, kSheetImages);
  for (std::size_t i = 0; i < sample.images; ++i) {
    const ShardMember member = shards.image(sample.image(i));
    SheetImage& image = sheet.emplace_back();
    image.image = sample.image(i);
    std::size_t replaced = 0;
    if (member.has_caption) image.captions.push_back(repair_utf8(member.caption, replaced));
    image.file = member.name;
    image.url = member.url;
  }
  return sheet;
}

/// A row that found an image: where that is on the sheet, the caption stands there too. The first
/// row says by what the tags are found, as in a training with this file.
void add_to_sheet(const CaptionRow& row, std::size_t number, std::vector<SheetImage>& sheet) {
  const auto found = std::lower_bound(
      sheet.begin(), sheet.end(), number,
      [](const SheetImage& image, std::size_t wanted) { return image.image < wanted; });
  if (found == sheet.end() || found->image != number) return;
  if (!found->has_row && !row.file.empty()) found->file = row.file;
  if (!found->has_row && !row.url.empty()) found->url = row.url;
  found->has_row = true;
  if (found->captions.size() < kSheetCaptions &&
      std::ranges::find(found->captions, row.caption) == found->captions.end())
    found->captions.push_back(row.caption);
}

/// Captions count where they find an image, URLs everywhere.
Result<LinkRow> count_captions(FileSystem& files, const Path& path, ImageNames& names,
                               std::vector<SheetImage>& sheet) {
  LinkRow link{.name = path.string(), .captions = {}};
  TA_ASSIGN_OR_RETURN(CaptionRows rows, CaptionRows::open(files, path));
  CaptionCounter captions;
  EqualTexts urls;
  while (true) {
    TA_ASSIGN_OR_RETURN(const auto row, rows.next());
    if (!row) break;
    ++link.rows;
    urls.add(row->url);
    const auto found = names.find(*row);
    if (!found) continue;
    ++link.with_image;
    captions.add(row->caption);
    add_to_sheet(*row, found->image, sheet);
  }
  link.bad_lines = rows.broken().count;
  link.odd_quotes = rows.odd_quotes();
  link.equal_urls = urls.finish();
  link.captions = captions.finish();
  return link;
}

/// The sum of all shares, each once, if they are of these images.
Result<Examined> add_up(std::span<const std::string> texts, std::string shards) {
  Examined sum;
  sum.shards = std::move(shards);
  std::vector<bool> seen(texts.size());
  for (const std::string& text : texts) {
    TA_ASSIGN_OR_RETURN(const Examined part, examined_from(text));
    const auto [rank, world] = part.share;
    if (world != texts.size() || seen[rank]) {
      return data_loss(
          format("finish report: expected the findings of each share once, found {}, "
                 "among them share {} of {}",
                 texts.size(), rank + 1, world));
    }
    if (part.shards != sum.shards) {
      return data_loss(
          "finish report: a share has examined other images than there are now; start again when "
          "nobody writes to the sources");
    }
    seen[rank] = true;
    sum.add(part);
  }
  if (!texts.empty()) return sum;
  return data_loss("finish report: expected the findings of each share, found none");
}

void add_examined(Examined examined, DataReport& report) {
  report.examined = examined.images;
  report.formats = std::move(examined.formats);
  report.broken = std::move(examined.broken);
  report.short_sides = std::move(examined.short_sides);
  report.equal_files = count_equal(std::move(examined.digests));
}

/// Lets one thread at a time tell how far the work is and ask whether it shall be left.
class Watch {
 public:
  Watch(std::uint64_t total, const ReportProgress& progress, const StopCheck& stop)
      : total_(total), progress_(progress), stop_(stop) {
    if (progress_) progress_(0, total_);
  }

  Status check() {
    const std::lock_guard lock(mutex_);
    if (stop_ && stop_()) return cancelled("report: stopped on request");
    return ok_status();
  }
  /// One more; `then` is called by one thread at a time too.
  template <class Then>
  void done(const Then& then) {
    const std::lock_guard lock(mutex_);
    then();
    ++done_;
    if (progress_) progress_(done_, total_);
  }

 private:
  std::mutex mutex_;
  std::uint64_t total_;
  std::uint64_t done_ = 0;
  const ReportProgress& progress_;
  const StopCheck& stop_;
};

Status check_tags(FileSystem& files, const DataReportOptions& options) {
  if (options.tags.empty() != options.tag_names.empty()) {
    return invalid_argument(format("report: tags and tag names belong together, but only {} given",
                                   options.tags.empty() ? "tag names are" : "tags are"));
  }
  if (options.tags.empty()) return ok_status();
  TA_RETURN_IF_ERROR(files.file_size(options.tags).status());
  return read_tag_names(files, options.tag_names).status();
}

}  // namespace

Result<std::unique_ptr<ReportMaking>> ReportMaking::open(FileSystem& files,
                                                         const DataReportOptions& options) {
  std::unique_ptr<ReportMaking> making(new ReportMaking(files, options));
  TA_RETURN_IF_ERROR(check_tags(files, options));
  TA_RETURN_IF_ERROR(making->sort_sources());
  return making;
}

Status ReportMaking::sort_sources() {
  for (const std::string& name : options_.sources) {
    const auto root = find_shards(name);
    if (root.ok()) {
      images_.insert(images_.end(), root->shards.begin(), root->shards.end());
      continue;
    }
    if (root.status().code() != ErrorCode::kInvalidArgument || !data::exists(name))
      return root.status();
    const auto rows = CaptionRows::open(files_, name);
    if (!rows.ok()) {
      return invalid_argument(
          format("report {}: expected images or captions, found neither; as images: {}; as "
                 "captions: {}",
                 name, root.status().message(), rows.status().message()));
    }
    captions_.emplace_back(name);
  }
  return ok_status();
}

std::size_t ReportMaking::threads() const {
  return options_.threads == 0 ? usual_threads() : options_.threads;
}

Status ReportMaking::index(const WorkShare& share, const ReportProgress& progress,
                           const StopCheck& stop) {
  const std::size_t count = share.count(images_.size());
  Watch watch(count, progress, stop);
  return in_parallel(count, threads(), [&](std::size_t i) -> Status {
    TA_RETURN_IF_ERROR(watch.check());
    const Path& shard = images_[share.rank + i * share.world];
    // One that nobody keeps would only be made again: each process has its own.
    if (!is_folder(shard) && !derived_folder(shard.parent_path(), options_.derived).empty())
      TA_RETURN_IF_ERROR(open_shard_index(files_, shard, options_.derived).status());
    watch.done([] {});
    return ok_status();
  });
}

Result<const ShardSet*> ReportMaking::shards() {
  if (!shards_) {
    TA_ASSIGN_OR_RETURN(shards_,
                        ShardSet::open(files_, images_, options_.derived, options_.threads));
  }
  return &*shards_;
}

Result<std::shared_ptr<const ImageReader>> ReportMaking::reader() const {
  return ImageReader::create(files_, images_, options_.derived);
}

Result<std::string> ReportMaking::examine(const WorkShare& share, const StopCheck& stop,
                                          const ReportProgress& progress) {
  TA_ASSIGN_OR_RETURN(const ShardSet* shards, this->shards());
  const Sample sample = sample_of(*shards, options_.decode);
  Examined sum;
  sum.share = share;
  sum.shards = digest_of(*shards, sample);
  const std::size_t count = share.count(sample.images);
  if (count == 0) return to_text(sum);
  TA_ASSIGN_OR_RETURN(const auto reader, this->reader());
  Watch watch(count, progress, stop);
  const auto examine_one = [&](std::size_t i) -> Status {
    TA_RETURN_IF_ERROR(watch.check());
    const std::size_t number = sample.image(share.rank + i * share.world);
    const Examined found = examine_image(*shards, *reader, number);
    watch.done([&] { sum.add(found); });
    return ok_status();
  };
  TA_RETURN_IF_ERROR(in_parallel(count, threads(), examine_one));
  return to_text(sum);
}

Result<DataReport> ReportMaking::finish(std::span<const std::string> examined) {
  TA_ASSIGN_OR_RETURN(const ShardSet* shards, this->shards());
  const Sample sample = sample_of(*shards, options_.decode);
  TA_ASSIGN_OR_RETURN(Examined sum, add_up(examined, digest_of(*shards, sample)));
  DataReport report;
  add_examined(std::move(sum), report);
  for (const Shard& shard : shards->shards()) add_shard(shard, report);
  add_images(*shards, report);
  report.sheet = begin_sheet(*shards);
  ImageNames names(*shards);
  for (const Path& path : captions_) {
    TA_ASSIGN_OR_RETURN(LinkRow link, count_captions(files_, path, names, report.sheet));
    report.links.push_back(std::move(link));
  }
  return report;
}

Result<DataReport> make_data_report(FileSystem& files, const DataReportOptions& options,
                                    const ReportProgress& progress) {
  TA_ASSIGN_OR_RETURN(const auto making, ReportMaking::open(files, options));
  TA_RETURN_IF_ERROR(making->index({}, {}));
  TA_ASSIGN_OR_RETURN(const std::string examined, making->examine({}, {}, progress));
  return making->finish(std::span(&examined, 1));
}

}  // namespace tagalign::data
