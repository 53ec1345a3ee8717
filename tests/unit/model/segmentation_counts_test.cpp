#include "model/inference/segmentation_counts.h"

#include <gtest/gtest.h>

#include <random>

namespace tagalign::model {
namespace {

using Ids = std::vector<std::uint16_t>;
using Counts = std::vector<std::uint64_t>;

TEST(SegmentationCounts, SmallMaps_EveryRule_CountsByHand) {
  SegmentationCounts counts(3);
  //                 hit  miss  ignored  label outside the classes
  counts.add(Ids{0, 1, 2, 1}, Ids{0, 2, 255, 7}, 255);
  EXPECT_EQ(counts.intersect, (Counts{1, 0, 0}));
  EXPECT_EQ(counts.predicted, (Counts{1, 2, 0}));
  EXPECT_EQ(counts.labelled, (Counts{1, 0, 1}));
}

TEST(SegmentationCounts, IgnoreIndexInsideTheClasses_IsStillIgnored) {
  SegmentationCounts counts(3);
  counts.add(Ids{1, 1}, Ids{1, 2}, 1);
  EXPECT_EQ(counts.intersect, (Counts{0, 0, 0}));
  EXPECT_EQ(counts.predicted, (Counts{0, 1, 0}));
  EXPECT_EQ(counts.labelled, (Counts{0, 0, 1}));
}

/// The definition, pixel by pixel with masks, as three separate passes.
SegmentationCounts by_definition(const Ids& prediction, const Ids& label, int ignore,
                                 std::size_t classes) {
  SegmentationCounts counts(classes);
  for (std::size_t c = 0; c < classes; ++c) {
    for (std::size_t i = 0; i < label.size(); ++i) {
      if (label[i] == ignore) continue;
      counts.predicted[c] += prediction[i] == c;
      counts.labelled[c] += label[i] == c;
      counts.intersect[c] += prediction[i] == c && label[i] == c;
    }
  }
  return counts;
}

TEST(SegmentationCounts, RandomMaps_AnyClassCount_EqualTheDefinition) {
  std::mt19937 random(7);
  for (const std::size_t classes : {1u, 2u, 21u, 300u}) {
    const std::size_t pixels = 5000;
    Ids prediction(pixels), label(pixels);
    for (std::size_t i = 0; i < pixels; ++i) {
      prediction[i] = static_cast<std::uint16_t>(random() % classes);
      label[i] = static_cast<std::uint16_t>(random() % (classes + 5));
      if (random() % 10 == 0) label[i] = 1000;
      if (random() % 2 == 0 && label[i] < classes) label[i] = prediction[i];
    }
    SegmentationCounts counts(classes);
    counts.add(prediction, label, 1000);
    EXPECT_EQ(counts, by_definition(prediction, label, 1000, classes)) << classes;
  }
}

TEST(SegmentationCounts, SplitImages_InAnyOrder_MergeToTheSame) {
  const Ids a{0, 1, 1}, b{2, 2}, label_a{0, 0, 1}, label_b{2, 255};
  SegmentationCounts whole(3), first(3), second(3);
  whole.add(a, label_a, 255);
  whole.add(b, label_b, 255);
  first.add(b, label_b, 255);
  second.add(a, label_a, 255);
  first.merge(second);
  EXPECT_EQ(first, whole);
}

TEST(SegmentationCountsDeathTest, ImpossibleInput_Aborts_WithTheReason) {
  SegmentationCounts counts(3);
  EXPECT_DEATH(counts.add(Ids{0}, Ids{0, 1}, 255), "prediction and label of one size");
  EXPECT_DEATH(counts.add(Ids{3}, Ids{0}, 255), "prediction outside the classes");
  EXPECT_DEATH(counts.merge(SegmentationCounts(4)), "counts over the same classes");
}

}  // namespace
}  // namespace tagalign::model
