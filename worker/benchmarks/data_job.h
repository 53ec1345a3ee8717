/// tagalign-worker data prepare|check: makes a benchmark's folder from the official archives, and
/// checks it against configs/benchmarks. One process, no ranks, no Torch.
#pragma once

#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/file_system.h"
#include "base/status.h"

namespace tagalign::jobs {

/// What the job borrows from the process.
struct DataWorld {
  FileSystem& files;
  Clock& clock;
  std::ostream& out;         ///< the report
  std::ostream& err;         ///< progress
  bool is_terminal = false;  ///< err is one
};

struct DataArguments {
  std::string benchmark;       ///< one of data::prepare_names()
  Path source;                 ///< prepare: folder of the unpacked archives
  Path output;                 ///< prepare: folder of all benchmarks
  Path root;                   ///< check: the benchmark's folder, or the folder of all benchmarks
  Path config;                 ///< empty: benchmarks/NAME.yml in one of config_folders
  bool with_training = false;  ///< prepare: the training images with their labels too
  std::size_t threads = 0;     ///< 0: one a core, at most eight
  bool json = false;           ///< the report as one JSON object
  /// Where configs/ may lie, the first that holds the file wins.
  std::vector<Path> config_folders;
};

/// True when nothing is left to mend. Ends with the check.
Result<bool> run_data_prepare(DataWorld& world, const DataArguments& arguments);
Result<bool> run_data_check(DataWorld& world, const DataArguments& arguments);

}  // namespace tagalign::jobs
