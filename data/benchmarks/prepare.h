/// Makes a benchmark's folder, in the layout of GroupViT's dataset guide, from
/// the unpacked official archives.
///
/// Each file is written durably under a temporary name and renamed, so what exists is complete. A
/// run that was interrupted, at any moment, is simply started again: what is there is kept, unless
/// its source has changed since (source_record.h). One run at a time for one output folder. The output may lie in the source or be the same folder (both
/// named in one way: absolute, or relative to one folder); what an earlier run made is not taken
/// for the source unless there is no other.
#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "base/file_system.h"
#include "base/status.h"
#include "data/benchmarks/sources/findings.h"
#include "data/shares/progress.h"

namespace tagalign::data {

/// voc, voc20, context, context59, coco_object, coco_stuff, cityscapes, ade20k,
/// imagenets50, imagenets300, imagenets919, folder.
std::vector<std::string> prepare_names();

/// Where prepare_benchmark() puts it: output / "VOCdevkit/VOC2012" for voc. kInvalidArgument
/// for an unknown name.
Result<Path> benchmark_folder(const std::string& name, const Path& output);

struct BenchmarkSource {
  std::string benchmark;  ///< one of prepare_names()
  Path source;            ///< folder of the unpacked archives
  Path output;  ///< folder of all benchmarks: VOCdevkit/VOC2012 and so on are made below it
  bool with_training = false;  ///< the training images with their labels too
  std::size_t threads = 0;     ///< 0: one a core, at most eight
};

struct PrepareReport {
  Path root;                       ///< of the data set: output / VOCdevkit / VOC2012
  std::uint64_t made = 0;          ///< files written by this run
  std::uint64_t kept = 0;          ///< files that were there as they should be
  std::vector<Offender> missing;   ///< what the source lacks
  std::vector<Offender> failures;  ///< files that could not be made, each with its reason
  std::vector<std::string> notes;  ///< what a user should know about how it was made
};

/// kInvalidArgument for an unknown name; kNotFound when the source is not the expected one, said
/// with what was looked for, what is there and which archives to unpack. A file that cannot be
/// converted is named in the report and the others are made; failing to write ends the run.
Result<PrepareReport> prepare_benchmark(FileSystem& files, Clock& clock,
                                        const BenchmarkSource& options,
                                        const ProgressCallback& progress);

}  // namespace tagalign::data
