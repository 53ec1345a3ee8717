/// Which files of a segmentation data set belong together. Internal to data/.
#pragma once

#include <string>
#include <vector>

#include "base/file_system.h"
#include "data/datasets/segmentation_dataset.h"

namespace tagalign::data {

/// One image and its label, relative to their folders.
struct SegmentationPair {
  std::string name;
  std::string image;
  std::string label;
};

/// The pairs of a data set, sorted by image. kInvalidArgument names the first ten files or lines
/// that do not fit; kNotFound for a missing folder or list.
Result<std::vector<SegmentationPair>> find_pairs(FileSystem& files,
                                                 const SegmentationDatasetOptions& options);

}  // namespace tagalign::data
