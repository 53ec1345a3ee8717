#include "data/tags/files/tag_parsing.h"

#include <algorithm>

#include "base/checksum.h"
#include "base/format.h"
#include "data/shares/parallel.h"
#include "data/sources/files/shard_files.h"
#include "data/tags/files/caption_files.h"
#include "data/tags/parse/caption_parser.h"

namespace tagalign::data {
namespace {

/// Tells how far the reading is. How many captions there will be is judged by the bytes.
class ReadingProgress {
 public:
  ReadingProgress(Clock& clock, const ProgressCallback& report)
      : clock_(clock), report_(report), start_ms_(clock.monotonic_ms()) {}

  void tell(const CaptionFiles& captions, std::uint64_t done, std::uint64_t parsed) const {
    if (!report_ || done == 0) return;
    const auto bytes = static_cast<double>(std::max<std::uint64_t>(captions.bytes_read(), 1));
    const double total =
        static_cast<double>(done) * static_cast<double>(captions.bytes_total()) / bytes;
    Progress progress{.done = done, .total = done};
    if (captions.bytes_read() < captions.bytes_total())
      progress.total = std::max(done + 1, static_cast<std::uint64_t>(total));
    const auto elapsed_ms = static_cast<double>(clock_.monotonic_ms() - start_ms_);
    if (elapsed_ms > 0 && parsed > 0) {
      progress.per_second = static_cast<double>(done) * 1000 / elapsed_ms;
      progress.remaining_ms = static_cast<std::int64_t>(static_cast<double>(progress.total - done) *
                                                        1000 / progress.per_second);
    }
    report_(progress);
  }

 private:
  Clock& clock_;
  const ProgressCallback& report_;
  MonotonicMs start_ms_;
};

/// Parsers side by side; each remembers words, so each has a thread of its own.
class Parsers {
 public:
  Parsers(const Vocabulary& vocabulary, std::size_t threads) {
    for (std::size_t i = 0; i < threads; ++i)
      parsers_.push_back(std::make_unique<CaptionParser>(vocabulary));
  }

  std::vector<CaptionTags> parse(const std::vector<CaptionRow>& rows) {
    std::vector<CaptionTags> tags(rows.size());
    const std::size_t parts = parsers_.size();
    TA_CHECK(in_parallel(parts, parts, [&](std::size_t p) {
               for (std::size_t i = rows.size() * p / parts; i < rows.size() * (p + 1) / parts; ++i)
                 tags[i] = parsers_[p]->parse(rows[i].caption);
               return ok_status();
             }).ok());
    return tags;
  }

 private:
  std::vector<std::unique_ptr<CaptionParser>> parsers_;
};

Status add_stamp(const Path& path, Hasher128& hasher) {
  TA_ASSIGN_OR_RETURN(const FileStamp stamp, stamp_of(path));
  hasher.update(format("{} {} {}\n", std::filesystem::absolute(path).lexically_normal().string(),
                       stamp.bytes, stamp.modified_ns));
  return ok_status();
}

Status add_files_in(FileSystem& files, const Path& folder, Hasher128& hasher) {
  TA_ASSIGN_OR_RETURN(const auto names, files.list_directory(folder));
  for (const std::string& name : names) {
    if (!is_folder(folder / name)) TA_RETURN_IF_ERROR(add_stamp(folder / name, hasher));
  }
  return ok_status();
}

}  // namespace

Result<Path> tag_pieces_folder(FileSystem& files, const TagOptions& options) {
  Hasher128 hasher;
  hasher.update(options.program + "\n");
  for (const Path& path : options.captions) TA_RETURN_IF_ERROR(add_stamp(path, hasher));
  TA_RETURN_IF_ERROR(add_files_in(files, options.wordnet, hasher));
  TA_RETURN_IF_ERROR(add_files_in(files, options.lists, hasher));
  return options.output / (".tags-" + hasher.digest().hex());
}

Path tag_piece_path(const Path& folder, std::size_t piece) {
  return folder / format("{:06}.records", piece);
}

Result<bool> parse_tag_pieces(FileSystem& files, Clock& clock, const TagOptions& options,
                              const WorkShare& share, const StopCheck& stop,
                              const ProgressCallback& progress) {
  TA_ASSIGN_OR_RETURN(const auto vocabulary,
                      Vocabulary::open(files, options.wordnet, options.lists));
  TA_ASSIGN_OR_RETURN(const Path folder, tag_pieces_folder(files, options));
  TA_RETURN_IF_ERROR(files.create_directories(folder));
  TA_ASSIGN_OR_RETURN(CaptionFiles captions, CaptionFiles::open(files, options.captions));
  Parsers parsers(*vocabulary, options.threads > 0 ? options.threads : usual_threads());
  const ReadingProgress reading(clock, progress);
  std::uint64_t done = 0;
  std::uint64_t parsed = 0;
  std::vector<CaptionRow> rows;
  for (std::size_t piece = 0;; ++piece) {
    rows.clear();
    TA_RETURN_IF_ERROR(captions.read(kPieceCaptions, rows));
    if (rows.empty()) return true;
    const Path path = tag_piece_path(folder, piece);
    if (share.takes(piece) && !TagPiece::open(path).ok()) {
      if (stop && stop()) return false;
      TA_RETURN_IF_ERROR(write_tag_piece(files, path, parsers.parse(rows)));
      parsed += rows.size();
    }
    done += rows.size();
    reading.tell(captions, done, parsed);
  }
}

}  // namespace tagalign::data
