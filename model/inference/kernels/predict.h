/// The last step of segmentation, from class scores to labels and counts, on CPU and GPU.
///
/// Axes: C channels (classes), H×W pixels. Both devices decide a pixel alike, by the method's
/// LabelRule: the first channel with the largest softmax over C, or with the largest score. Softmax
/// rounds, as the reference's does: scores closer than its resolution tie, and the lower wins.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <vector>

#include "model/inference/dense_scorer.h"
#include "model/inference/segmentation_counts.h"

namespace tagalign::model {

/// scores [C, H, W] fp32 → [H, W] on the same device: uint8, or int16 when C > 256.
at::Tensor predict_labels(const at::Tensor& scores, LabelRule rule = LabelRule::kSoftmax);

/// Labels of a prediction of any integer type, row by row.
std::vector<std::uint16_t> label_ids(const at::Tensor& labels);

/// Adds to `counts` (over C classes) what predict_labels() scores against `label` [H·W], as
/// SegmentationCounts::add does. On a GPU one fused kernel reads the scores once and only the
/// counts return to the host; the call waits for them.
void count_predictions(const at::Tensor& scores, std::span<const std::uint16_t> label,
                       int ignore_index, SegmentationCounts& counts,
                       LabelRule rule = LabelRule::kSoftmax);

}  // namespace tagalign::model
