#include "model/inference/segmentation_counts.h"

#include <algorithm>

#include "base/status.h"

namespace tagalign::model {

void SegmentationCounts::add(std::span<const std::uint16_t> prediction,
                             std::span<const std::uint16_t> label, int ignore_index) {
  TA_CHECK(prediction.size() == label.size(), "prediction and label of one size");
  const std::size_t classes = intersect.size();
  // One histogram over (prediction, hit or miss) and one over labels: a single pass without
  // branches on the data. The last row takes what counts nowhere, the last label what is no class.
  std::vector<std::uint32_t> by_prediction(2 * (classes + 1));
  std::vector<std::uint32_t> by_label(classes + 1);
  bool inside = true;
  for (std::size_t i = 0; i < label.size(); ++i) {
    const std::size_t truth = label[i];
    const bool counts = static_cast<int>(truth) != ignore_index;
    inside &= prediction[i] < classes;
    const std::size_t guess = counts ? std::min<std::size_t>(prediction[i], classes) : classes;
    ++by_prediction[2 * guess + (guess == truth ? 1 : 0)];
    ++by_label[counts ? std::min(truth, classes) : classes];
  }
  TA_CHECK(inside, "prediction outside the classes");
  for (std::size_t c = 0; c < classes; ++c) {
    intersect[c] += by_prediction[2 * c + 1];
    predicted[c] += by_prediction[2 * c] + by_prediction[2 * c + 1];
    labelled[c] += by_label[c];
  }
}

void SegmentationCounts::merge(const SegmentationCounts& other) {
  TA_CHECK(other.intersect.size() == intersect.size(), "counts over the same classes");
  for (std::size_t c = 0; c < intersect.size(); ++c) {
    intersect[c] += other.intersect[c];
    predicted[c] += other.predicted[c];
    labelled[c] += other.labelled[c];
  }
}

}  // namespace tagalign::model
