/// Class scores from patch features: what methods with CLIP's joint embedding share.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "configs/schema/methods/similarity_scores.h"
#include "model/methods/method.h"
#include "model/methods/tagalign/projector.h"

namespace tagalign::model {

/// How cosine similarities become class scores: the reference's protocols v1 and v3.
enum class ScoreRule {
  kSigmoid,  ///< v1: σ(scale · similarity + bias); the paper's scale 10, bias −2.5
  kSoftmax,  ///< v3: softmax over the classes of scale · similarity; scale 30
};
struct ScoreOptions {
  ScoreRule rule = ScoreRule::kSigmoid;
  double scale = 10.0;
  double bias = -2.5;  ///< kSigmoid only
};

/// As a configuration decides them.
ScoreOptions score_options(const config::SimilarityScores& scores);

/// What a result says: what the method is (`own`), and how its map was measured.
std::vector<MethodSetting> score_settings(const config::SimilarityScores& scores,
                                          const std::vector<MethodSetting>& own);

/// The patch grid of `windows` [B, 3, S, S']; a remainder below a patch is left out.
Grid patch_grid(const VisionTower& vision, const at::Tensor& windows);

/// Mean over the templates of the frozen text tower's embeddings: DenseModel::embed_classes() of the
/// methods that score in CLIP's joint embedding.
at::Tensor embed_by_clip(const Materials& materials, const std::vector<std::string>& classes,
                         const std::vector<std::string>& templates, int threads);

/// The same of the many labels that a training learns by, by the materials' store where there is one.
Result<at::Tensor> embed_labels(const Materials& materials, const std::vector<std::string>& labels,
                                const std::vector<std::string>& templates);

/// What the frozen text tower makes of a batch's captions: as the batch brings it, or else from its
/// tokens. [B, E] fp32.
at::Tensor caption_features(const Materials& materials, const TrainingBatch& batch);

/// `map` [B, N, h, w], brought to the windows' size and sharpened if there is a refinement.
at::Tensor refined(const Refinement* refinement, const at::Tensor& windows, const at::Tensor& map);

/// As configurations spell it: "surgery".
std::string attention_name(VisionAttention attention);

/// features [B, hw, E], text [N, E] normalised → [B, N, h, w] fp32. Switch autocast off first.
at::Tensor class_scores(const at::Tensor& features, Grid grid, const at::Tensor& text,
                        const ScoreOptions& options);

}  // namespace tagalign::model
