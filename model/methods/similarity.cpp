#include "model/methods/similarity.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/softmax.h>

#include <algorithm>

#include "base/format.h"
#include "base/status.h"
#include "model/inference/segmentation.h"

namespace tagalign::model {

ScoreOptions score_options(const config::SimilarityScores& scores) {
  const config::ScoreSettings decided = scores.settings();
  return {.rule = decided.softmax ? ScoreRule::kSoftmax : ScoreRule::kSigmoid,
          .scale = decided.scale,
          .bias = decided.bias};
}

std::vector<MethodSetting> score_settings(const config::SimilarityScores& scores,
                                          const std::vector<MethodSetting>& own) {
  const config::ScoreSettings decided = scores.settings();
  std::vector<MethodSetting> settings = own;
  settings.push_back({"scale", format("{}", decided.scale), false});
  if (!decided.softmax) settings.push_back({"bias", format("{}", decided.bias), false});
  return settings;
}

at::Tensor embed_by_clip(const Materials& materials, const std::vector<std::string>& classes,
                         const std::vector<std::string>& templates, int threads) {
  TA_CHECK(materials.tokenizer != nullptr, "a tokenizer");
  return class_embeddings(*materials.text, *materials.tokenizer, classes, templates, threads);
}

Result<at::Tensor> embed_labels(const Materials& materials, const std::vector<std::string>& labels,
                                const std::vector<std::string>& templates) {
  if (materials.labels == nullptr) return embed_by_clip(materials, labels, templates, 1);
  const at::NoGradGuard frozen;
  const ClipShape& shape = materials.text->shape();
  LabelRows rows{.count = static_cast<std::int64_t>(labels.size()),
                 .width = shape.embed_dim,
                 .block = classes_of_whole_passes(templates.size())};
  rows.texts = class_tokens_digest(*materials.tokenizer, shape.context, labels, templates);
  rows.make = [&](std::int64_t index) {
    const auto first = labels.begin() + index * rows.block;
    const std::int64_t size = std::min<std::int64_t>(rows.block, labels.end() - first);
    return embed_by_clip(materials, {first, first + size}, templates, 1);
  };
  return materials.labels->rows(rows);
}

at::Tensor caption_features(const Materials& materials, const TrainingBatch& batch) {
  if (batch.text.defined()) return batch.text;
  const at::NoGradGuard frozen;
  return materials.text->encode(batch.tokens).to(at::kFloat);
}

Grid patch_grid(const VisionTower& vision, const at::Tensor& windows) {
  const std::int64_t patch = vision.shape().patch_size;
  return {windows.size(2) / patch, windows.size(3) / patch};
}

at::Tensor refined(const Refinement* refinement, const at::Tensor& windows, const at::Tensor& map) {
  return refinement == nullptr ? map : refinement->refine(windows, map);
}

std::string attention_name(VisionAttention attention) {
  switch (attention) {
    case VisionAttention::kPlain:
      return "plain";
    case VisionAttention::kSurgery:
      return "surgery";
    case VisionAttention::kSclip:
      return "sclip";
    case VisionAttention::kNaclip:
      return "naclip";
    case VisionAttention::kClearClip:
      return "clearclip";
    case VisionAttention::kMaskClip:
      break;
  }
  return "maskclip";
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
