/// Is a data set what its evaluation expects? Counts, missing and extra files, files that cannot be
/// read, sizes and ids; what the evaluation would refuse is found by the functions that refuse it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/file_system.h"
#include "base/status.h"
#include "data/benchmarks/sources/findings.h"
#include "data/datasets/segmentation_dataset.h"
#include "data/shares/progress.h"

namespace tagalign::data {

struct CheckOptions {
  SegmentationDatasetOptions dataset;  ///< as the evaluation would open it
  Path root;                           ///< above its folders, for the report
  std::size_t threads = 0;             ///< 0: one a core, at most eight
};

struct CheckReport {
  std::string name;
  Path root;
  std::uint64_t images = 0;  ///< of the benchmark, whether there or only listed
  std::optional<std::uint64_t> images_expected;
  std::vector<Finding> findings;   ///< in the order of FindingKind
  std::vector<std::string> notes;  ///< what can be evaluated, and may not be meant so

  bool ok() const { return findings.empty(); }
};

/// Reads every image and label. What junk is (is_junk) does not count, nor do files of other splits
/// and other label kinds of the same images where the image's ending is given. kNotFound when the
/// folders or the list are not there, with what to prepare. For classes that the evaluation refuses
/// it is refused_classes() that answers.
Result<CheckReport> check_dataset(FileSystem& files, Clock& clock, const CheckOptions& options,
                                  const ProgressCallback& progress);

/// What is left to say where the evaluation refuses the classes for the reason `why`: how many images
/// there are; what is in their labels nobody could judge. `why` itself when the place failed it.
Result<CheckReport> refused_classes(FileSystem& files, const CheckOptions& options,
                                    const Status& why);

/// One JSON object: name, root, ok, images, images_expected, findings [{kind,
/// count, first [{file, detail}]}], notes.
std::string to_json(const CheckReport& report);
/// For people: a line of summary, each kind with its first offenders, the notes.
std::vector<std::string> to_lines(const CheckReport& report);

}  // namespace tagalign::data
