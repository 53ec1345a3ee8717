/// A segmentation data set as its configuration describes it: the one way from keys to files, for the
/// evaluation that opens it and the check that looks at it.
#pragma once

#include "base/file_system.h"
#include "configs/schema/jobs/evaluate_config.h"
#include "data/datasets/segmentation_dataset.h"

namespace tagalign::jobs {

/// `root` may be another than the configuration's.
inline data::SegmentationDatasetOptions dataset_options(const config::SegmentationDataConfig& data,
                                                        const Path& root) {
  return {.name = data.name,
          .images = root / data.images,
          .labels = root / data.labels,
          .classes = root / data.classes,
          .ignore_index = data.ignore_index,
          .reduce_zero_label = data.reduce_zero_label,
          .split = data.split.empty() ? Path() : root / data.split,
          .image_suffix = data.image_suffix,
          .label_suffix = data.label_suffix,
          .label_encoding = data.label_encoding == config::LabelEncoding::kRgb16
                                ? data::LabelEncoding::kRgb16
                                : data::LabelEncoding::kIndex,
          .class_names = data.class_names,
          .expected_images = data.expected_images,
          .max_pixels = data.max_pixels,
          .max_pixels_side = data.max_pixels_side};
}

/// kInvalidArgument for a data set whose only class is its background.
inline Status check_class_count(const config::SegmentationDataConfig& data, std::size_t classes) {
  if (!data.background || classes > 1) return {};
  return invalid_argument(data.name + ": expected a class beside the background, found none");
}

}  // namespace tagalign::jobs
