#include "model/methods/clip_surgery/scorer.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>
#include <c10/core/impl/LocalDispatchKeySet.h>

#include <algorithm>
#include <utility>

#include "base/status.h"
#include "model/methods/clip_surgery/points.h"
#include "model/methods/clip_surgery/surgery.h"
#include "model/methods/similarity.h"

namespace tagalign::model {
namespace {

using AutocastOff = c10::impl::ExcludeDispatchKeyGuard;

/// Of the cosines before a softmax over classes: CLIP's own.
constexpr double kLogitScale = 100.0;

/// Texts first … end − 1 are one class.
struct TextRange {
  std::int64_t first = 0, end = 0;
};

std::vector<TextRange> text_ranges(const std::vector<std::int64_t>& class_of) {
  TA_CHECK(std::ranges::is_sorted(class_of), "texts in the order of their classes");
  std::vector<TextRange> ranges;
  for (std::int64_t i = 0; i < std::ssize(class_of); ++i) {
    const auto at = static_cast<std::size_t>(i);
    if (i == 0 || class_of[at] != class_of[at - 1]) ranges.push_back({i, i});
    ranges.back().end = i + 1;
  }
  return ranges;
}

class SurgeryScorer final : public DenseScorer, private ScoreFinish {
 public:
  SurgeryScorer(const VisionTower& vision, ClassText text,
                const config::ClipSurgeryEvaluation& config, const Refinement* refinement)
      : vision_(vision),
        text_(std::move(text.rows)),
        ranges_(text_ranges(text.class_of)),
        config_(config),
        refinement_(refinement) {
    TA_CHECK(text_.dim() == 2 && text_.size(0) == std::ssize(text.class_of) + 1 &&
                 text_.size(1) == vision.shape().embed_dim,
             "text [Q + 1, E]");
  }

  std::int64_t channels() const override { return text_.size(0) - 1; }
  std::int64_t classes() const override { return std::ssize(ranges_); }
  bool straight_to_original() const override { return true; }
  LabelRule label_rule() const override { return LabelRule::kLargest; }

  std::vector<ScoreMap> maps(const at::Tensor& windows,
                             std::span<const ScoreVariant> variants) const override {
    const at::Tensor features = surgery_features(vision_, windows);
    const AutocastOff no_autocast(c10::autocast_dispatch_keyset);
    const at::Tensor scores = config_.argmax == config::SurgeryArgmax::kSurgery
                                  ? after_surgery(cosines(features))
                                  : cosines(features).slice(2, 0, channels());
    const std::int64_t side = side_of(scores.size(1) - 1);
    const at::Tensor map =
        scores.slice(1, 1).transpose(1, 2).reshape({windows.size(0), channels(), side, side});
    return std::vector<ScoreMap>(variants.size(), {refined(refinement_, windows, map), {}});
  }

  const ScoreFinish* score_finish() const override { return this; }
  bool by_pixel() const override { return true; }
  at::Tensor finish(const at::Tensor& scores, const at::Tensor& /*image*/,
                    const ScoreVariant& /*variant*/) const override {
    const std::int64_t constant = scores.size(0) - channels();
    if (classes() == channels()) return scores;
    return at::cat({scores.slice(0, 0, constant), best_texts(scores.slice(0, constant))});
  }

  at::Tensor image_scores(const at::Tensor& image, const at::Tensor& finished) const override {
    // The last block's new path leaves CLS as the original path has it.
    const at::Tensor cls =
        surgery_features(vision_, image.unsqueeze(0), VisionAttention::kPlain).slice(1, 0, 1);
    const AutocastOff no_autocast(c10::autocast_dispatch_keyset);
    const at::Tensor all = cosines(cls);  // [1, 1, Q + 1]
    const at::Tensor scores = config_.ranking == config::SurgeryRanking::kSurgery
                                  ? after_surgery(all)
                                  : at::softmax(all.slice(2, 0, channels()) * kLogitScale, 2);
    const at::Tensor best = best_texts(scores.flatten());  // [N]
    const at::Tensor constant = at::zeros({finished.size(0) - classes()}, best.options());
    return at::cat({constant, best});
  }

  std::optional<ClassEvidence> evidence(const at::Tensor& image,
                                        ImageSize original) const override {
    const at::Tensor features = surgery_features(vision_, image.unsqueeze(0));
    const AutocastOff no_autocast(c10::autocast_dispatch_keyset);
    const at::Tensor scores = after_surgery(cosines(features)).select(0, 0).slice(0, 1);  // [P, Q]
    const at::Tensor units = unit_maps(scores);
    std::vector<at::Tensor> means;
    ClassEvidence evidence;
    for (const auto& [first, end] : ranges_) {
      means.push_back(units.slice(1, first, end).mean(1));
      evidence.points.push_back(class_point_prompts(
          scores.slice(1, first, end), original, {config_.point_threshold, config_.point_shrink}));
    }
    evidence.maps = enlarged(at::stack(means, 1), original);
    return evidence;
  }

 private:
  /// features [B, L, E] → [B, L, Q + 1]
  at::Tensor cosines(const at::Tensor& features) const { return at::matmul(features, text_.t()); }

  /// cosines [B, L, Q + 1] → [B, L, Q]
  at::Tensor after_surgery(const at::Tensor& cosines) const {
    const at::Tensor texts = cosines.slice(2, 0, channels());
    if (classes() == 1) return texts - cosines.slice(2, channels());
    return feature_surgery(texts);
  }

  /// [Q, …] → [N, …], the highest of a class's texts.
  at::Tensor best_texts(const at::Tensor& scores) const {
    std::vector<at::Tensor> best;
    for (const auto& [first, end] : ranges_) best.push_back(scores.slice(0, first, end).amax(0));
    return at::stack(best);
  }

  const VisionTower& vision_;
  at::Tensor text_;  // [Q + 1, E] normalised
  std::vector<TextRange> ranges_;
  config::ClipSurgeryEvaluation config_;
  const Refinement* refinement_;
};

}  // namespace

std::unique_ptr<DenseScorer> clip_surgery_scorer(const VisionTower& vision, ClassText text,
                                                 const config::ClipSurgeryEvaluation& config,
                                                 const Refinement* refinement) {
  return std::make_unique<SurgeryScorer>(vision, std::move(text), config, refinement);
}

}  // namespace tagalign::model
