/// Group evaluation, metrics: counts of given label maps, and what is derived from counts.
#include <ATen/ATen.h>

#include <limits>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/format.h"
#include "coordinator/cli/convert/results_table.h"
#include "data/datasets/segmentation_dataset.h"
#include "tests/golden/check/compare.h"
#include "tests/golden/check/evaluation.h"
#include "tests/golden/check/tolerances.h"

namespace tagalign::golden {
namespace {

using model::SegmentationCounts;

constexpr char kCases[] = "evaluation/metric_cases.json";
constexpr char kMaps[] = "evaluation/metric_cases.safetensors";
constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

/// Null stands for what has no value.
double number_or_nan(const Json& value) {
  return value.is_null() ? kNone : value.get<double>();
}

at::Tensor tensor_of(const Json& list) {
  std::vector<double> values;
  for (const Json& value : list) values.push_back(number_or_nan(value));
  return at::tensor(values, at::kDouble);
}

at::Tensor tensor_of(const std::vector<std::optional<double>>& shares) {
  std::vector<double> values;
  for (const auto& share : shares) values.push_back(share.value_or(kNone));
  return at::tensor(values, at::kDouble);
}

at::Tensor tensor_of(const std::vector<std::uint64_t>& areas) {
  return at::tensor(std::vector<double>(areas.begin(), areas.end()), at::kDouble);
}

wire::EvaluationResult result_of(const SegmentationCounts& counts) {
  wire::EvaluationResult result;
  result.classes.resize(counts.intersect.size());
  result.intersect = counts.intersect;
  result.predicted = counts.predicted;
  result.labelled = counts.labelled;
  for (std::size_t c = 0; c < counts.intersect.size(); ++c)
    result.union_.push_back(counts.predicted[c] + counts.labelled[c] - counts.intersect[c]);
  return result;
}

std::vector<std::uint16_t> ids_of(const at::Tensor& map) {
  const at::Tensor wide = map.to(at::kInt).contiguous();
  const auto* values = wide.const_data_ptr<std::int32_t>();
  std::vector<std::uint16_t> ids;
  for (std::int64_t i = 0; i < wide.numel(); ++i)
    ids.push_back(static_cast<std::uint16_t>(values[i]));
  return ids;
}

/// nullopt after a line.
std::optional<SegmentationCounts> count_case(TensorFile& maps, const std::string& name,
                                             const Json& facts) {
  SegmentationCounts counts(facts.at("classes").get<std::size_t>());
  const int ignore = facts.at("ignore_index");
  for (int i = 0; i < facts.at("images").get<int>(); ++i) {
    const at::Tensor* prediction = maps.find(format("{}.pred{}", name, i));
    const at::Tensor* stored = maps.find(format("{}.label{}", name, i));
    if (prediction == nullptr || stored == nullptr) return std::nullopt;
    if (prediction->sizes() != stored->sizes() ||
        prediction->max().item<std::int64_t>() >= facts.at("classes").get<std::int64_t>()) {
      throw std::invalid_argument(
          format("metric case {}: prediction {} is of another size than its label, or predicts no "
                 "class",
                 name, i));
    }
    data::LabelMap label{static_cast<int>(stored->size(1)), static_cast<int>(stored->size(0)),
                         ids_of(*stored)};
    if (facts.at("reduce_zero_label").get<bool>()) data::reduce_zero_label(label, ignore);
    counts.add(ids_of(*prediction), label.ids, ignore);
  }
  return counts;
}

}  // namespace

void compare_counts(const std::string& name, const SegmentationCounts& counts, const Json& expected,
                    const CountTolerances& tolerances, Report& report) {
  const auto result = result_of(counts);
  const cli::Scores scores = cli::scores_of(result);
  const auto list = [&](const char* key, const at::Tensor& found, const Tolerance& tolerance) {
    if (!expected.contains(key)) return report.missing(name + " " + key, "the JSON lacks it");
    report.deviation(name + " " + key, deviation_of(found, tensor_of(expected.at(key))), tolerance);
  };
  list("area_intersect", tensor_of(result.intersect), tolerances.area);
  list("area_union", tensor_of(result.union_), tolerances.area);
  list("area_pred_label", tensor_of(result.predicted), tolerances.area);
  list("area_label", tensor_of(result.labelled), {});
  list("IoU", tensor_of(scores.iou), tolerances.metric);
  list("Acc", tensor_of(scores.accuracy), tolerances.metric);
  const auto mean = [&](const char* key, const std::optional<double>& found) {
    if (!expected.contains(key)) return report.missing(name + " " + key, "the JSON lacks it");
    report.number(name + " " + key, found.value_or(kNone), number_or_nan(expected.at(key)),
                  tolerances.metric);
  };
  mean("aAcc", scores.pixel_accuracy);
  mean("mIoU", scores.mean_iou);
  mean("mAcc", scores.mean_accuracy);
}

std::map<std::string, double> mean_scores(const SegmentationCounts& counts) {
  const cli::Scores scores = cli::scores_of(result_of(counts));
  std::map<std::string, double> means;
  const auto add = [&](const char* key, const std::optional<double>& mean) {
    if (mean) means[key] = *mean;
  };
  add("aAcc", scores.pixel_accuracy);
  add("mIoU", scores.mean_iou);
  add("mAcc", scores.mean_accuracy);
  return means;
}

void compare_metric_cases(Folder& folder, Report& report) {
  const Json* cases = folder.json(kCases);
  TensorFile* maps = folder.tensors(kMaps);
  if (cases == nullptr || maps == nullptr) return;
  for (const auto& [name, facts] : cases->items()) {
    if (const auto counts = count_case(*maps, name, facts))
      compare_counts("metric case " + name, *counts, facts, {.metric = bounds::kMetricCase},
                     report);
  }
}

}  // namespace tagalign::golden
