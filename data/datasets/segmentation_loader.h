/// A rank's share of a segmentation data set, prepared ahead of the model.
///
/// Each image is read, decoded, resized and normalised in a thread of its own while earlier ones
/// are computed; they come out in the order of their indices, whatever finishes first.
#pragma once

#include <cstddef>
#include <deque>
#include <future>
#include <optional>
#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/status.h"
#include "data/datasets/segmentation_dataset.h"
#include "data/image/image.h"

namespace tagalign::data {

struct SegmentationLoaderOptions {
  int short_side = 448;  ///< pixels; keep_ratio_size()
  bool squash = false;   ///< to a square of that side instead, by Pillow's bicubic
  ColorStatistics colors = kImageNetColors;
  int long_side_max = 2048;  ///< pixels
  std::size_t first = 0;     ///< index of the first image
  std::size_t stride = 1;    ///< from one index to the next: the ranks; 1…
  std::size_t ahead = 1;     ///< images in preparation or ready, beside the one in use; 1…
};

/// An image as the model takes it, and its truth.
struct EvaluationImage {
  std::size_t index = 0;
  std::string name;
  Size original;              ///< what scores are resized to
  Size resized;               ///< of `planar`
  std::vector<float> planar;  // [3, resized.height, resized.width], normalised
  LabelMap label;             ///< SegmentationSample::label
};

/// One thread at a time. Borrows both arguments; the destructor waits for reads under way.
class SegmentationLoader {
 public:
  SegmentationLoader(FileSystem& files, const SegmentationDataset& dataset,
                     SegmentationLoaderOptions options);

  /// The next image; nullopt after the last. An error is that of the first image that has one
  /// (SegmentationDataset::read), whatever came after it.
  Result<std::optional<EvaluationImage>> next();

 private:
  void fill();

  FileSystem& files_;
  const SegmentationDataset& dataset_;
  SegmentationLoaderOptions options_;
  std::size_t next_index_;
  std::deque<std::future<Result<EvaluationImage>>> pending_;
};

}  // namespace tagalign::data
