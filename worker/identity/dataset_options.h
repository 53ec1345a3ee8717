/// Which data set a configuration describes.
#pragma once

#include "configs/schema/jobs/shared_configs.h"
#include "data/datasets/caption_dataset.h"

namespace tagalign::jobs {

/// Attributes that nothing learns are left out, and so out of the data set's digest.
inline data::CaptionDatasetOptions dataset_options(const config::CaptionDataConfig& data,
                                                   bool learns_attributes) {
  data::CaptionDatasetOptions options{.root = data.root,
                                      .captions = data.captions,
                                      .tags = data.tags,
                                      .tag_names = data.tag_names,
                                      .cache = data.cache};
  if (learns_attributes) {
    options.attributes = data.attributes;
    options.attribute_names = data.attribute_names;
  }
  return options;
}

}  // namespace tagalign::jobs
