#include <ATen/core/grad_mode.h>
#include <ATen/ops/amax.h>
#include <ATen/ops/cat.h>
#include <c10/core/impl/LocalDispatchKeySet.h>

#include <algorithm>

#include "base/limits.h"
#include "model/inference/dense/dense_labels.h"
#include "model/inference/dense/score_stripes.h"
#include "model/inference/kernels/predict.h"
#include "model/inference/segmentation.h"
#include "model/inference/slide.h"

namespace tagalign::model {
namespace {

using AutocastOff = c10::impl::ExcludeDispatchKeyGuard;

std::vector<float> image_scores_of(const DenseScorer& scorer, const at::Tensor& image,
                                   const at::Tensor& scores) {
  const ScoreFinish* finish = scorer.score_finish();
  const at::Tensor shown =
      (finish == nullptr ? at::amax(scores, {1, 2}) : finish->image_scores(image, scores))
          .to(at::kCPU, at::kFloat)
          .contiguous();
  const float* first = shown.const_data_ptr<float>();
  return {first, first + shown.numel()};
}

/// One image on the CPU, after its windows went through the scorer.
class LabelledImage {
 public:
  LabelledImage(const DenseScorer& scorer, const at::Tensor& image, ImageSize original,
                const SegmentationOptions& options, const SegmentationSweep& sweep)
      : scorer_(scorer),
        image_(image),
        sizes_{.slid = {image.size(1), image.size(2)}, .original = original},
        whole_(options.window >= limits::kWholeImageWindow),
        variants_(sweep.variants()),
        mapped_(mapped_variants(scorer, sweep)),
        windows_(sliding_windows(image.size(1), image.size(2), options)),
        maps_(maps_of_windows(scorer, image, windows_, mapped_.maps, options.windows_per_pass)) {
    if (options.background && scorer.background() == BackgroundRule::kConstant)
      backgrounds_ = sweep.background_thresholds;
  }

  void run(bool image_scores, const LabelVisitor& visit) {
    const AutocastOff no_autocast(c10::autocast_dispatch_keyset);
    for (std::size_t map = 0; map < mapped_.maps.size(); ++map) {
      const std::vector<PlacedMap> placed = place(map);
      const std::vector<DenseLabels> found = scorer_.score_finish() == nullptr
                                                 ? label(placed, image_scores)
                                                 : finish(placed, map * mapped_.sharing);
      for (std::size_t i = 0; i < mapped_.sharing; ++i) {
        const DenseLabels& labels = found[std::min(i, found.size() - 1)];
        visit(map * mapped_.sharing + i, {labels.labels, labels.highest});
      }
    }
  }

 private:
  /// A map that goes straight to the original size is that of a window in an image of that size.
  std::vector<PlacedMap> place(std::size_t map) {
    const Padding& p = maps_[0][map].padding;
    const bool straight = whole_ && windows_.size() == 1 && scorer_.straight_to_original() &&
                          p.top + p.bottom + p.left + p.right == 0;
    if (straight) {
      sizes_.slid = sizes_.original;
      return {{0, 0, sizes_.slid.height, sizes_.slid.width, &maps_[0][map]}};
    }
    std::vector<PlacedMap> placed;
    for (std::size_t i = 0; i < windows_.size(); ++i) {
      const Window& w = windows_[i];
      placed.push_back({w.y, w.x, w.height, w.width, &maps_[i][map]});
    }
    return placed;
  }

  std::vector<DenseLabels> label(std::span<const PlacedMap> placed, bool image_scores) const {
    return label_pixels(placed, {.sizes = sizes_,
                                 .rule = scorer_.label_rule(),
                                 .backgrounds = backgrounds_,
                                 .highest = image_scores});
  }

  /// Variants `first` and following, which share a map, finished stripe by stripe.
  std::vector<DenseLabels> finish(std::span<const PlacedMap> placed, std::size_t first) const {
    std::vector<DenseLabels> found(mapped_.sharing);
    for (DenseLabels& labels : found)
      labels.labels.reserve(
          static_cast<std::size_t>(sizes_.original.height * sizes_.original.width));
    each_stripe(placed, sizes_, backgrounds_, [&](const ScoreStripe& stripe) {
      for (std::size_t i = 0; i < found.size(); ++i) {
        const at::Tensor all = stripe.constants.empty()
                                   ? stripe.scores
                                   : at::cat({stripe.constants[i], stripe.scores}, 0);
        const at::Tensor finished =
            scorer_.score_finish()->finish(all, image_, variants_[first + i]);
        const auto ids = label_ids(predict_labels(finished, scorer_.label_rule()));
        found[i].labels.insert(found[i].labels.end(), ids.begin(), ids.end());
      }
    });
    return found;
  }

  const DenseScorer& scorer_;
  const at::Tensor& image_;
  DenseSizes sizes_;
  bool whole_;
  std::vector<ScoreVariant> variants_;
  MappedVariants mapped_;
  std::vector<Window> windows_;
  std::vector<std::vector<ScoreMap>> maps_;  ///< [window][map]
  std::vector<double> backgrounds_;
};

}  // namespace

bool Segmenter::needs_scores(bool image_scores) const {
  const ScoreFinish* finish = scorer_->score_finish();
  return finish != nullptr && (image_scores || !finish->by_pixel());
}

std::uint64_t Segmenter::bytes(ImageSize slid, ImageSize original, const SegmentationSweep& sweep,
                               bool image_scores) const {
  constexpr std::uint64_t kCopies = 3;  // averaged, resized, and a softmax of it
  const std::int64_t planes = std::max(channels(), scorer_->channels());
  const auto pixels = static_cast<std::uint64_t>(original.height * original.width);
  if (needs_scores(image_scores))
    return kCopies * sizeof(float) * static_cast<std::uint64_t>(planes) * pixels;
  const std::uint64_t labels =
      sizeof(std::uint16_t) * pixels * std::max<std::size_t>(sweep.background_thresholds.size(), 1);
  const DenseSizes sizes{.slid = slid, .original = original};
  return labels + (scorer_->score_finish() == nullptr ? dense_label_bytes(planes, sizes)
                                                      : stripe_bytes(planes, sizes));
}

void Segmenter::sweep_labels(const at::Tensor& image, ImageSize original,
                             const SegmentationSweep& sweep, bool image_scores,
                             const LabelVisitor& visit) const {
  if (!image.is_cpu() || needs_scores(image_scores)) {
    sweep_scores(image, original, sweep, [&](std::size_t combination, const at::Tensor& scores) {
      const auto labels = label_ids(predict_labels(scores, scorer_->label_rule()));
      std::vector<float> shown;
      if (image_scores) shown = image_scores_of(*scorer_, image, scores);
      visit(combination, {labels, shown});
    });
    return;
  }
  const at::NoGradGuard no_grad;
  LabelledImage(*scorer_, image, original, options_, sweep).run(image_scores, visit);
}

}  // namespace tagalign::model
