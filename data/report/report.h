/// What a download left behind: images, captions, what is missing, what is odd.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/status.h"
#include "data/sources/shard_set.h"

namespace tagalign::data {

struct DataReportOptions {
  /// Each what data.root may be (find_shards), or a file of captions (CaptionRows).
  std::vector<std::string> sources;
  DerivedFolders derived;
  std::uint64_t decode = 10'000;  ///< images that are read and decoded, evenly spread; 0: none
  std::size_t threads = 0;        ///< 0: one a core, at most eight
};

/// Counts between bounds.
struct Histogram {
  std::string unit;
  std::vector<std::uint64_t> bounds;  ///< lower ends, the first is 0
  std::vector<std::uint64_t> counts;  ///< one a bound

  void add(std::uint64_t value);
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
  std::uint64_t bad_lines = 0;  ///< left out
};

struct BrokenKind {
  std::uint64_t count = 0;
  std::string first;  ///< message of the first, which names the image
};

struct DataReport {
  std::uint64_t images = 0;
  std::uint64_t image_bytes = 0;
  std::uint64_t with_caption = 0;  ///< beside the image
  std::uint64_t chinese = 0;       ///< captions with a Chinese character
  std::map<std::string, std::uint64_t> endings;
  std::map<std::string, std::uint64_t> oddities;  ///< ShardFindings by name, over all shards
  std::map<std::string, std::uint64_t> statuses;  ///< of downloads: _stats.json, else the .json
  Histogram file_sizes;
  Histogram caption_lengths;  ///< in characters
  std::vector<ShardRow> shards;
  std::vector<LinkRow> links;

  std::uint64_t examined = 0;                    ///< images that were read and decoded
  std::map<std::string, std::uint64_t> formats;  ///< by their first bytes
  std::map<std::string, BrokenKind> broken;      ///< by kind of error
  Histogram short_sides;
  std::uint64_t equal_files = 0;  ///< whose bytes another examined image has too
};

/// Makes missing indexes and reads them, and the images that shall be decoded. `progress` gets
/// done and total of those, by one thread at a time.
Result<DataReport> make_data_report(
    FileSystem& files, const DataReportOptions& options,
    const std::function<void(std::uint64_t, std::uint64_t)>& progress = {});

std::vector<std::string> to_lines(const DataReport& report);
std::string to_json(const DataReport& report);

}  // namespace tagalign::data
