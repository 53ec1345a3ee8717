/// From captions to the tag files of a training: parse, count, choose, index.
///
/// The first step parses, in pieces that any number of processes may share (tag_parsing.h); the
/// second is for one process: it reads captions and pieces side by side twice, to count the tags
/// and to write the indices of those that are chosen. Some 16 bytes of memory a caption.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/file_system.h"
#include "base/status.h"
#include "data/datasets/captions/caption_row.h"
#include "data/shares/progress.h"
#include "data/shares/work_share.h"
#include "data/tags/files/tag_counts.h"

namespace tagalign::data {

struct TagOptions {
  std::vector<Path> captions;  ///< may be empty when tags are imported
  Path import;                 ///< JSON lines of ready tags instead of the parser; empty: none
  bool raw = false;            ///< imported tags stay as they are
  Path output;                 ///< folder, made when it is not there
  Path per_caption;            ///< JSON lines with all tags of each caption; empty: none
  Path wordnet;                ///< folder of WordNet's dict files
  Path lists;                  ///< folder of the lists of words
  std::string program;         ///< its version: what another one has parsed is not taken up
  TagLimits objects{.tags_max = 10'000, .captions_min = 5};
  TagLimits attributes{.tags_max = 1'000, .captions_min = 5};
  std::size_t threads = 0;  ///< parsers of this process; 0: one a core, at most eight
};

struct TagReport {
  std::uint64_t captions = 0;
  std::uint64_t without_tags = 0;  ///< no object of the list; their images keep an empty entry
  std::uint64_t not_english = 0;
  std::uint64_t repeated_keys = 0;  ///< the first caption of a key is the one that is indexed
  BrokenLines broken;
  std::size_t objects_found = 0, attributes_found = 0;
  std::vector<TagCount> objects, attributes;  ///< those of the lists
  // Of an import:
  std::uint64_t not_imported = 0;  ///< captions that no line is for
  std::uint64_t lines_unused = 0;  ///< lines that are for no caption
  BrokenLines broken_import;
  std::vector<std::string> first_not_imported, first_unused;  ///< at most ten each
  std::int64_t elapsed_ms = 0;                                ///< of the call, by the clock
};

/// Parses a share of the captions; nothing to do for an import. False: left on request. What is
/// done stays for a later call. Errors: those of Vocabulary and CaptionFiles; those of the disk.
Result<bool> parse_tags(FileSystem& files, Clock& clock, const TagOptions& options,
                        const WorkShare& share, const StopCheck& stop,
                        const ProgressCallback& progress);

/// When all shares are parsed: writes object_list.csv, attribute_list.csv, their counts, and
/// object_index.json and attribute_index.json for captions with file names or ids,
/// url_object_index.json and url_attribute_index.json for those with URLs; removes what parse_tags()
/// left. Errors: those of CaptionFiles and ImportedTags; kDataLoss when a share is missing, or the
/// captions change in between; those of the disk.
Result<TagReport> finish_tags(FileSystem& files, Clock& clock, const TagOptions& options);

/// Both, in one process.
Result<TagReport> make_tags(FileSystem& files, Clock& clock, const TagOptions& options,
                            const ProgressCallback& progress);

}  // namespace tagalign::data
