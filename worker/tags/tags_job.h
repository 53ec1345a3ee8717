/// tagalign-worker data tags: captions to the tag files of a training. One process,
/// no ranks, no Torch.
#pragma once

#include <ostream>
#include <vector>

#include "base/clock.h"
#include "base/file_system.h"
#include "base/status.h"
#include "data/tags/files/make_tags.h"

namespace tagalign::jobs {

struct TagsArguments {
  data::TagOptions options;
  bool json = false;  ///< the report as one JSON object
  /// Where configs/ may lie: the first that holds tags/ serves when options.lists is empty.
  std::vector<Path> config_folders;
};

/// What the job borrows from the process.
struct TagsWorld {
  FileSystem& files;
  Clock& clock;
  std::ostream& out;         ///< the report
  std::ostream& err;         ///< progress
  bool is_terminal = false;  ///< err is one
};

/// True when every line could be read. kInvalidArgument for options that do not go together.
Result<bool> run_data_tags(TagsWorld& world, TagsArguments arguments);

}  // namespace tagalign::jobs
