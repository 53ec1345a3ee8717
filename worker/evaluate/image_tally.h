/// What one image adds to an evaluation's results: pixels counted by class and, where images are
/// ranked, how much it shows each class.
///
/// Threads: immutable, safe from several, each with tallies of its own.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <vector>

#include "base/status.h"
#include "data/datasets/segmentation_loader.h"
#include "model/inference/segmentation.h"
#include "model/inference/segmentation_counts.h"
#include "worker/evaluate/image_ranking.h"

namespace tagalign::jobs {

/// What a result adds up.
struct Tally {
  explicit Tally(std::size_t classes) : counts(classes), ranking(classes) {}
  model::SegmentationCounts counts;
  ImageRanking ranking;
};
using Tallies = std::vector<Tally>;  ///< [combinations of the sweep]

struct ImageTallyOptions {
  std::size_t classes = 0;
  int ignore_index = 0;
  model::LabelRule rule = model::LabelRule::kSoftmax;
  bool multilabel = false;  ///< images are ranked
  bool background = false;  ///< class 0 is one, and no class that an image is ranked for
};

class ImageTally {
 public:
  /// Borrows both.
  ImageTally(const model::Segmenter& segmenter, const model::SegmentationSweep& sweep,
             const ImageTallyOptions& options)
      : segmenter_(segmenter), sweep_(sweep), options_(options) {}

  /// Takes the labels of a combination, at the image's original size.
  using Keep = std::function<Status(const data::LabelMap& labels)>;

  /// Adds `image`, whose normalised `pixels` [3, H, W] are on the device; the last combination's error
  /// of `keep`, which may be empty. With nothing to rank or to keep a GPU gives its counts alone.
  Status add(const at::Tensor& pixels, const data::EvaluationImage& image, const Keep& keep,
             Tallies& tallies) const;

 private:
  void count_on_gpu(const at::Tensor& pixels, const data::EvaluationImage& image,
                    Tallies& tallies) const;
  void count(const data::LabelMap& labels, const data::LabelMap& label,
             model::SegmentationCounts& counts) const;
  void rank(std::span<const float> scores, const data::LabelMap& label,
            ImageRanking& ranking) const;

  const model::Segmenter& segmenter_;
  const model::SegmentationSweep& sweep_;
  ImageTallyOptions options_;
};

}  // namespace tagalign::jobs
