/// Is a prepared data set what its benchmark expects? Counts, missing and extra files, files that
/// cannot be read, sizes and ids.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/file_system.h"
#include "base/status.h"
#include "data/benchmarks/progress.h"
#include "data/benchmarks/sources/findings.h"

namespace tagalign::data {

struct CheckOptions {
  std::string name;
  Path root;
  std::string images;                       ///< folder below root, searched with its subfolders
  std::vector<std::string> image_suffixes;  ///< ".jpg"; "_leftImg8bit.png"
  bool any_case = false;                    ///< ".JPG" too, of images and labels
  std::string labels;                       ///< folder below root
  std::string label_suffix;                 ///< in place of the image's: "_labelTrainIds.png"
  std::string split;  ///< file below root, one image name a line; empty: all images count
  int class_count = 0;
  bool reduce_zero_label = false;  ///< stored ids are 0 (ignored) … class_count
  int ignore_index = 255;
  bool colour_labels = false;  ///< PNG with id = R + 256·G (ImageNet-S) instead of stored indices
  std::optional<std::uint64_t> images_expected;
  std::size_t threads = 0;  ///< 0: one a core, at most eight
};

struct CheckReport {
  std::string name;
  Path root;
  std::uint64_t images = 0;  ///< of the benchmark, whether there or only listed
  std::optional<std::uint64_t> images_expected;
  std::vector<Finding> findings;  ///< in the order of FindingKind

  bool ok() const { return findings.empty(); }
};

/// Reads every image and label. What junk is (is_junk) does not count, nor do files of other splits
/// and other label kinds of the same images. kNotFound when the folders or the list are not there,
/// with what to prepare.
Result<CheckReport> check_dataset(FileSystem& files, Clock& clock, const CheckOptions& options,
                                  const ProgressCallback& progress);

/// One JSON object: name, root, ok, images, images_expected, findings [{kind,
/// count, first [{file, detail}]}].
std::string to_json(const CheckReport& report);
/// For people: a line of summary, then each kind with its first offenders.
std::vector<std::string> to_lines(const CheckReport& report);

}  // namespace tagalign::data
