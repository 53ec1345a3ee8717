#include "worker/evaluate/image_tally.h"

#include "data/image/image.h"
#include "model/inference/kernels/predict.h"

namespace tagalign::jobs {
namespace {

bool same_size(const data::EvaluationImage& image) {
  return image.original.height == image.label.height && image.original.width == image.label.width;
}

model::ImageSize original_of(const data::EvaluationImage& image) {
  return {image.original.height, image.original.width};
}

}  // namespace

Status ImageTally::add(const at::Tensor& pixels, const data::EvaluationImage& image,
                       const Keep& keep, Tallies& tallies) const {
  if (pixels.is_cuda() && !options_.multilabel && !keep && same_size(image)) {
    count_on_gpu(pixels, image, tallies);
    return ok_status();
  }
  Status status;
  segmenter_.sweep_labels(pixels, original_of(image), sweep_, options_.multilabel,
                          [&](std::size_t combination, const model::ImageLabels& found) {
                            const data::LabelMap labels{image.original.width,
                                                        image.original.height,
                                                        {found.labels.begin(), found.labels.end()}};
                            Tally& tally = tallies[combination];
                            count(labels, image.label, tally.counts);
                            if (options_.multilabel)
                              rank(found.image_scores, image.label, tally.ranking);
                            if (keep) status = keep(labels);
                          });
  return status;
}

/// Scores and counts stay on the device.
void ImageTally::count_on_gpu(const at::Tensor& pixels, const data::EvaluationImage& image,
                              Tallies& tallies) const {
  segmenter_.sweep_scores(pixels, original_of(image), sweep_,
                          [&](std::size_t combination, const at::Tensor& scores) {
                            model::count_predictions(scores, image.label.ids, options_.ignore_index,
                                                     tallies[combination].counts, options_.rule);
                          });
}

/// A prediction of another size than its label (max_pixels) is enlarged first.
void ImageTally::count(const data::LabelMap& labels, const data::LabelMap& label,
                       model::SegmentationCounts& counts) const {
  if (labels.height == label.height && labels.width == label.width) {
    counts.add(labels.ids, label.ids, options_.ignore_index);
    return;
  }
  const auto enlarged = data::resize_nearest_opencv(labels, label.width, label.height);
  counts.add(enlarged.ids, label.ids, options_.ignore_index);
}

void ImageTally::rank(std::span<const float> scores, const data::LabelMap& label,
                      ImageRanking& ranking) const {
  std::vector<bool> shown(options_.classes);
  for (const std::uint16_t id : label.ids) {
    if (id != options_.ignore_index && id < shown.size()) shown[id] = true;
  }
  if (options_.background) shown[0] = false;
  ranking.add(scores, shown);
}

}  // namespace tagalign::jobs
