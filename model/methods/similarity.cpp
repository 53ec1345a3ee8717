#include "model/methods/similarity.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/softmax.h>

namespace tagalign::model {

Grid patch_grid(const VisionTower& vision, const at::Tensor& windows) {
  const std::int64_t patch = vision.shape().patch_size;
  return {windows.size(2) / patch, windows.size(3) / patch};
}

std::string attention_name(VisionAttention attention) {
  if (attention == VisionAttention::kSurgery) return "surgery";
  return attention == VisionAttention::kPlain ? "plain" : "maskclip";
}

at::Tensor class_scores(const at::Tensor& features, Grid grid, const at::Tensor& text,
                        const ScoreOptions& options) {
  const at::Tensor similarity = at::matmul(normalize_features(features), text.t());  // [B, hw, N]
  const at::Tensor map =
      similarity.transpose(1, 2).reshape({features.size(0), text.size(0), grid.h, grid.w});
  if (options.rule == ScoreRule::kSoftmax) return at::softmax(map * options.scale, 1);
  return at::sigmoid(map * options.scale + options.bias);
}

}  // namespace tagalign::model
