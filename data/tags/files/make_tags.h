/// From captions to the tag files of a training: parse, count, choose, index.
///
/// Two passes over the captions. The first parses and counts, in parts of which each has a thread, a
/// parser and counts of its own; the second reads the keys again and writes the indices. Between
/// them stay the tags of each caption as numbers, some 50 bytes a caption. What is written does not
/// depend on the number of parts.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/file_system.h"
#include "base/status.h"
#include "data/benchmarks/progress.h"
#include "data/tags/files/caption_files.h"
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
  TagLimits objects{.tags_max = 10'000, .captions_min = 5};
  TagLimits attributes{.tags_max = 1'000, .captions_min = 5};
  std::size_t threads = 0;  ///< parts; 0: one a core, at most eight
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
  std::int64_t elapsed_ms = 0;
};

/// Writes object_list.csv, attribute_list.csv, their counts, and object_index.json and
/// attribute_index.json for captions with file names or ids, url_object_index.json and
/// url_attribute_index.json for those with URLs. Errors: those of Vocabulary, CaptionFiles and
/// ImportedTags; kDataLoss when the captions change in between; those of the disk.
Result<TagReport> make_tags(FileSystem& files, Clock& clock, const TagOptions& options,
                            const ProgressCallback& progress);

}  // namespace tagalign::data
