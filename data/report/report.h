/// What a download left behind: images, captions, what is missing, what is odd.
///
/// In three steps, so that several processes may share the work: index, examine, finish. What comes
/// out does not depend on how many they are.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/status.h"
#include "data/datasets/captions/caption_row.h"
#include "data/report/counts.h"
#include "data/shares/work_share.h"
#include "data/sources/image_reader.h"
#include "data/sources/shard_set.h"

namespace tagalign::data {

struct DataReportOptions {
  /// Each what data.root may be (find_shards), or a file of captions (CaptionRows).
  std::vector<std::string> sources;
  DerivedFolders derived;
  std::uint64_t decode = 10'000;  ///< images that are read and decoded, evenly spread; 0: none
  std::size_t threads = 0;        ///< of this process; 0: one a core, at most eight
  /// As data.tags and data.tag_names of a training, for the pictures of the page; both or none.
  Path tags;
  Path tag_names;
};

struct ShardRow {
  std::string name;
  std::uint64_t found = 0;                ///< images
  std::optional<std::uint64_t> expected;  ///< by its _stats.json
  std::string trouble;
};

/// A file of captions against the images of all sources.
struct LinkRow {
  std::string name;
  std::uint64_t rows = 0;
  std::uint64_t with_image = 0;
  std::uint64_t bad_lines = 0;   ///< left out
  BrokenLines odd_quotes;        ///< kept: CsvReader::is_odd()
  std::uint64_t equal_urls = 0;  ///< rows whose URL an earlier row has
  CaptionCounts captions;        ///< of the rows with an image
};

struct BrokenKind {
  std::uint64_t count = 0;
  std::string first;  ///< alphabetically first message or path; printable
};

/// An image of the contact sheet.
struct SheetImage {
  std::size_t image = 0;              ///< its number in the ShardSet
  std::vector<std::string> captions;  ///< beside it, and the first of files that say something else
  std::string file;                   ///< this and the URL are what a training finds its tags by
  std::string url;
  bool has_row = false;  ///< of a file of captions, whose first row gives both
};
inline constexpr std::size_t kSheetImages = 64;
inline constexpr std::size_t kSheetCaptions = 8;  ///< of one image

struct DataReport {
  std::uint64_t images = 0;
  std::uint64_t image_bytes = 0;
  std::uint64_t equal_urls = 0;  ///< images with the URL of an earlier one
  CaptionCounts beside;          ///< captions beside the images
  std::map<std::string, std::uint64_t> endings;
  std::map<std::string, std::uint64_t> oddities;  ///< ShardFindings by name, over all shards
  std::map<std::string, std::uint64_t> statuses;  ///< of downloads: _stats.json, else the .json
  Histogram file_sizes;
  std::vector<ShardRow> shards;
  std::vector<LinkRow> links;

  std::uint64_t examined = 0;                    ///< images that were read and decoded
  std::map<std::string, std::uint64_t> formats;  ///< by their first bytes
  /// By kind of error, of those examined; by what they are, all images that are no files.
  std::map<std::string, BrokenKind> broken;
  Histogram short_sides;
  std::uint64_t equal_files = 0;  ///< examined images with the bytes of another before them

  std::vector<SheetImage> sheet;  ///< up to kSheetImages, evenly spread; for the page alone
};

/// Called with 0 when a step begins and after each item, by one thread at a time.
using ReportProgress = std::function<void(std::uint64_t done, std::uint64_t total)>;

/// The steps of a report. Each process opens its own. All index their shares; when all have,
/// all examine theirs; when all have, one finishes. Borrows `files`. For one thread; the steps start
/// more of their own.
class ReportMaking {
 public:
  /// kInvalidArgument for a source that holds neither images nor captions, and for tags without
  /// names; errors of files that are not there.
  static Result<std::unique_ptr<ReportMaking>> open(FileSystem& files,
                                                    const DataReportOptions& options);

  /// Makes the missing indexes of the share's shards, where they can be kept. Counts shards.
  /// kCancelled when `stop` asks for it; finished indexes stay.
  Status index(const WorkShare& share, const ReportProgress& progress, const StopCheck& stop = {});
  /// Reads and decodes the share's part of the sample: its findings as a text for finish().
  /// Counts images. kCancelled when `stop` asks for it.
  Result<std::string> examine(const WorkShare& share, const StopCheck& stop,
                              const ReportProgress& progress);
  /// From what all shares have examined, in any order. kDataLoss when something of it is missing, or
  /// the images have changed in between.
  Result<DataReport> finish(std::span<const std::string> examined);

  /// The images of all sources; makes indexes that are still missing.
  Result<const ShardSet*> shards();
  Result<std::shared_ptr<const ImageReader>> reader() const;
  const DataReportOptions& options() const { return options_; }
  FileSystem& files() const { return files_; }
  std::size_t threads() const;  ///< at least one

 private:
  ReportMaking(FileSystem& files, DataReportOptions options)
      : files_(files), options_(std::move(options)) {}
  Status sort_sources();

  FileSystem& files_;
  DataReportOptions options_;
  std::vector<Path> images_;    ///< shards and folders
  std::vector<Path> captions_;  ///< files
  std::optional<ShardSet> shards_;
};

/// All steps in this process. `progress` gets done and total of the decoded images.
Result<DataReport> make_data_report(FileSystem& files, const DataReportOptions& options,
                                    const ReportProgress& progress = {});

/// Shards that are not as their _stats.json says, or have none where others do, or end early.
std::vector<ShardRow> odd_shards(const DataReport& report);
std::vector<std::string> to_lines(const DataReport& report);
std::string to_json(const DataReport& report);

}  // namespace tagalign::data
