/// tagalign-worker data tags: captions to the tag files of a training. One process,
/// no ranks, no Torch.
#pragma once

#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/status.h"
#include "data/tags/files/make_tags.h"
#include "worker/benchmarks/data_job.h"

namespace tagalign::jobs {

struct TagsArguments {
  data::TagOptions options;
  bool json = false;  ///< the report as one JSON object
  /// Where configs/ may lie: the first that holds tags/ serves when options.lists is empty.
  std::vector<Path> config_folders;
};

/// Fills in what was not named: the lists of words, WordNet's usual folder. kInvalidArgument for
/// options that do not go together; kNotFound when no lists are there.
Status complete_tag_options(FileSystem& files, const std::vector<Path>& config_folders,
                            data::TagOptions& options);
/// What a person should know, a line each.
std::vector<std::string> tag_report_lines(const data::TagReport& report);
/// The same for programs: one JSON object.
std::string tag_report_json(const data::TagReport& report);

/// True when every line could be read. kInvalidArgument for options that do not go together.
Result<bool> run_data_tags(DataWorld& world, const TagsArguments& arguments);

}  // namespace tagalign::jobs
