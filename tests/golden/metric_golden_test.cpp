/// Pixel counts against the reference's metric cases, to the integer.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "model/segmentation_counts.h"
#include "tests/support/golden_files.h"

namespace tagalign::model {
namespace {

using testing::GoldenTensor;

template <class Stored>
std::vector<std::uint16_t> widen(const GoldenTensor& tensor) {
  std::vector<Stored> stored(tensor.bytes.size() / sizeof(Stored));
  std::memcpy(stored.data(), tensor.bytes.data(), tensor.bytes.size());
  std::vector<std::uint16_t> ids;
  for (const Stored value : stored) ids.push_back(static_cast<std::uint16_t>(value));
  return ids;
}

std::vector<std::uint16_t> ids_of(const GoldenTensor& tensor) {
  return tensor.dtype == "U8" ? widen<std::uint8_t>(tensor) : widen<std::int32_t>(tensor);
}

/// 0 → ignored, the others move down by one; the data set's reader does this in a job.
void reduce_zero_label(std::vector<std::uint16_t>& label, std::uint16_t ignore) {
  for (std::uint16_t& id : label) {
    if (id != ignore) id = id == 0 ? ignore : static_cast<std::uint16_t>(id - 1);
  }
}

SegmentationCounts count_case(const std::string& name, const nlohmann::json& info,
                              const std::map<std::string, GoldenTensor>& tensors) {
  SegmentationCounts counts(info.at("classes").get<std::size_t>());
  const int ignore = info.at("ignore_index");
  for (int i = 0; i < info.at("images").get<int>(); ++i) {
    const auto prediction = ids_of(tensors.at(name + ".pred" + std::to_string(i)));
    auto label = ids_of(tensors.at(name + ".label" + std::to_string(i)));
    if (info.at("reduce_zero_label")) reduce_zero_label(label, static_cast<std::uint16_t>(ignore));
    counts.add(prediction, label, ignore);
  }
  return counts;
}

TEST(MetricGolden, EveryCase_Areas_AreTheReferencesIntegers) {
  TA_REQUIRE_GOLDEN("evaluation/metric_cases.json");
  const nlohmann::json cases = testing::read_golden_json("evaluation/metric_cases.json");
  const auto tensors = testing::read_golden_safetensors("evaluation/metric_cases.safetensors");
  ASSERT_EQ(cases.size(), 19u);
  for (const auto& [name, info] : cases.items()) {
    const SegmentationCounts counts = count_case(name, info, tensors);
    using Areas = std::vector<std::uint64_t>;
    EXPECT_EQ(counts.intersect, info.at("area_intersect").get<Areas>()) << name;
    EXPECT_EQ(counts.predicted, info.at("area_pred_label").get<Areas>()) << name;
    EXPECT_EQ(counts.labelled, info.at("area_label").get<Areas>()) << name;
  }
}

}  // namespace
}  // namespace tagalign::model
