#include "model/inference/kernels/predict.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/argmax.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/zeros.h>

#include <vector>

#include "base/status.h"
#include "model/inference/kernels/predict_cuda.h"

namespace tagalign::model {
namespace {

constexpr std::int64_t kClassesInByte = 256;

void check_shapes(const at::Tensor& scores, std::span<const std::uint16_t> label,
                  const SegmentationCounts& counts) {
  TA_CHECK(scores.dim() == 3 && scores.scalar_type() == at::kFloat, "scores [C, H, W] fp32");
  TA_CHECK(static_cast<std::size_t>(scores.size(1) * scores.size(2)) == label.size(),
           "a label for every pixel");
  TA_CHECK(static_cast<std::size_t>(scores.size(0)) == counts.intersect.size(),
           "counts over the channels of the scores");
}

void add_counts(const at::Tensor& table, SegmentationCounts& counts) {
  const std::size_t classes = counts.intersect.size();
  const std::int64_t* row = table.const_data_ptr<std::int64_t>();
  for (std::size_t c = 0; c < classes; ++c) {
    counts.intersect[c] += static_cast<std::uint64_t>(row[c]);
    counts.predicted[c] += static_cast<std::uint64_t>(row[classes + c]);
    counts.labelled[c] += static_cast<std::uint64_t>(row[2 * classes + c]);
  }
}

void count_on_gpu(const at::Tensor& scores, std::span<const std::uint16_t> label, int ignore_index,
                  SegmentationCounts& counts, LabelRule rule) {
  const at::Tensor contiguous = scores.contiguous();
  std::vector<std::uint16_t> host(label.begin(), label.end());
  const at::Tensor device_label =
      at::from_blob(host.data(), {static_cast<std::int64_t>(host.size())}, at::kShort)
          .to(scores.device());
  const at::Tensor table = at::zeros({3, scores.size(0)}, scores.options().dtype(at::kLong));
  count_predictions_cuda({contiguous.const_data_ptr<float>(), device_label.const_data_ptr(),
                          table.mutable_data_ptr<std::int64_t>(), scores.size(0),
                          scores.size(1) * scores.size(2), ignore_index, scores.get_device(),
                          rule == LabelRule::kSoftmax});
  add_counts(table.cpu(), counts);
}

}  // namespace

std::vector<std::uint16_t> label_ids(const at::Tensor& labels) {
  const at::Tensor wide = labels.to(at::kInt).contiguous();
  const std::span<const std::int32_t> values(wide.const_data_ptr<std::int32_t>(),
                                             static_cast<std::size_t>(wide.numel()));
  std::vector<std::uint16_t> ids;
  ids.reserve(values.size());
  for (const std::int32_t value : values) ids.push_back(static_cast<std::uint16_t>(value));
  return ids;
}

at::Tensor predict_labels(const at::Tensor& scores, LabelRule rule) {
  const at::NoGradGuard no_grad;
  const at::Tensor best =
      at::argmax(rule == LabelRule::kSoftmax ? at::softmax(scores, 0) : scores, 0);
  return best.to(scores.size(0) <= kClassesInByte ? at::kByte : at::kShort);
}

void count_predictions(const at::Tensor& scores, std::span<const std::uint16_t> label,
                       int ignore_index, SegmentationCounts& counts, LabelRule rule) {
  check_shapes(scores, label, counts);
  const at::NoGradGuard no_grad;
  if (scores.is_cuda()) {
    count_on_gpu(scores, label, ignore_index, counts, rule);
    return;
  }
  counts.add(label_ids(predict_labels(scores, rule)), label, ignore_index);
}

}  // namespace tagalign::model
