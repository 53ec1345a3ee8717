/// Brings images, captions and tags together. For data/ only.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/status.h"
#include "data/datasets/caption_dataset.h"
#include "data/sources/files/record_file.h"
#include "data/sources/shard_set.h"

namespace tagalign::data {

struct JoinedCaptions {
  RecordFile table;  ///< CaptionEntry
  std::vector<std::string> notices;
  std::string digest;
};

/// Names of the tags in the order of their indices; none where the options name no such file.
struct TagNameLists {
  std::vector<std::string> tags;
  std::vector<std::string> attributes;
};

/// Reads everything. `stamp` is kept in the table's meta beside digest and notices, as is what the
/// table was made from.
Result<JoinedCaptions> join_captions(FileSystem& files, const CaptionDatasetOptions& options,
                                     const ShardRoot& root, const TagNameLists& names,
                                     const RecordFileTarget& target, const std::string& stamp);

/// What join_captions() stored, if it was made with this stamp.
Result<JoinedCaptions> open_joined(const Path& file, const std::string& stamp);

}  // namespace tagalign::data
