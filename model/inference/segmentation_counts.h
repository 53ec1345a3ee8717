/// Exact per-class pixel counts of a segmentation, from which all metrics are derived.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace tagalign::model {

/// Counts over a data set; merging is adding, so any split of the images gives equal integers.
/// One thread. Each vector is [classes].
struct SegmentationCounts {
  std::vector<std::uint64_t> intersect;  ///< predicted as the class and labelled as it
  std::vector<std::uint64_t> predicted;
  std::vector<std::uint64_t> labelled;

  explicit SegmentationCounts(std::size_t classes)
      : intersect(classes), predicted(classes), labelled(classes) {}

  /// Adds one image; both spans [H·W]. Pixels whose label is `ignore_index` count nowhere. A label
  /// outside the classes is in no label histogram, but its pixel counts as predicted (mmseg's
  /// intersect_and_union). A prediction outside the classes is a programmer error.
  void add(std::span<const std::uint16_t> prediction, std::span<const std::uint16_t> label,
           int ignore_index);
  /// Adds the counts of other images over the same classes.
  void merge(const SegmentationCounts& other);

  friend bool operator==(const SegmentationCounts&, const SegmentationCounts&) = default;
};

}  // namespace tagalign::model
