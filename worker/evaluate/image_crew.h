/// A rank's images, dealt to its threads.
#pragma once

#include <cstdint>
#include <functional>

#include "base/status.h"
#include "data/datasets/segmentation_loader.h"

namespace tagalign::jobs {

struct ImageCrewOptions {
  int threads = 1;
  std::uint64_t bytes_max = 0;  ///< of the images in work together; one is always in work
};

/// What the crew calls. `work` and `bytes` come from several threads at a time,
/// the others from one.
struct ImageCrewCalls {
  std::function<Status(int thread, data::EvaluationImage& image)> work;
  std::function<std::uint64_t(const data::EvaluationImage&)> bytes;  ///< that work() will need
  std::function<bool()> stop_requested;                              ///< asked before each image
  std::function<void(std::size_t index)> done;                       ///< after each image
};

/// Takes images from `loader` until it has no more (true) or a stop is requested (false). An image
/// belongs to one thread; under the caller's grad mode and autocast. The first error ends all.
Result<bool> work_on_images(data::SegmentationLoader& loader, const ImageCrewOptions& options,
                            const ImageCrewCalls& calls);

}  // namespace tagalign::jobs
