#include "model/methods/tcl/losses.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/log.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/upsample_nearest2d.h>
#include <ATen/ops/zeros.h>

#include <utility>

#include "base/status.h"

namespace tagalign::model {
namespace {

constexpr double kMaskSumFloor = 1e-6;

/// {of own masks, of the others}, without weights.
std::pair<at::Tensor, at::Tensor> area_losses(const at::Tensor& masks, const at::Tensor& own,
                                              double prior) {
  const at::Tensor area = (own.mean() - prior).abs();
  const std::int64_t others = masks.numel() - own.numel();
  if (others == 0) return {area, at::zeros({}, masks.options())};
  return {area, ((masks.sum() - own.sum()) / static_cast<double>(others)).abs()};
}

/// What every rank has → what all have, in rank order; with one rank the same.
at::Tensor gathered(const at::Tensor& rows, const LossRanks& ranks) {
  TA_CHECK(ranks.world == 1 || ranks.gather, "several ranks need a gather");
  return ranks.world == 1 ? rows : ranks.gather(rows.contiguous());
}

/// Similarities of this rank's texts with images of all ranks: [B, N].
at::Tensor text_rows(const at::Tensor& pooled, const at::Tensor& similarity,
                     const at::Tensor& own_text, config::TclPairing pairing,
                     const LossRanks& ranks) {
  const std::int64_t batch = similarity.size(0), first = batch * ranks.rank;
  if (pairing == config::TclPairing::kCorrect) {
    // Row (s, j), column n: image j of rank s pooled under text n.
    return gathered(similarity, ranks).narrow(1, first, batch).t();
  }
  const at::Tensor under_own = gathered(pooled.narrow(1, first, batch), ranks);  // [N, B, E]
  return (under_own * own_text).sum(-1).t();
}

/// Symmetric InfoNCE between features pooled under a text and the text.
at::Tensor feature_loss(const TclLossInput& input, config::TclPairing pairing,
                        const LossRanks& ranks) {
  const std::int64_t batch = input.masks.size(0), first = batch * ranks.rank;
  const at::Tensor pooled = normalize_features(pooled_under(input.map, input.masks));  // [B, N, E]
  const at::Tensor text = normalize_features(input.all_text);                          // [N, E]
  const at::Tensor similarity = (pooled * text).sum(-1);                               // [B, N]
  const at::Tensor own_text = text.narrow(0, first, batch);
  const at::Tensor rows = text_rows(pooled, similarity, own_text, pairing, ranks);
  const at::Tensor scale = logit_scale(input.feature_scale);
  const at::Tensor labels = at::arange(first, first + batch, input.map.options().dtype(at::kLong));
  return (at::cross_entropy_loss(similarity * scale, labels) +
          at::cross_entropy_loss(rows * scale, labels)) *
         0.5;
}

/// Symmetric InfoNCE between masked images and texts. A masked pixel has the mean colour.
at::Tensor image_loss(const TclLossInput& input, const LossRanks& ranks) {
  const at::Tensor mask =
      at::upsample_nearest2d(input.sampled, {input.images.size(2), input.images.size(3)});
  const at::Tensor embedded = input.encode(input.images * mask).to(at::kFloat);
  return infonce_loss(embedded, input.text, input.image_scale, ranks);
}

}  // namespace

at::Tensor gumbel_masks(const at::Tensor& logits, const at::Tensor& noise, double temperature) {
  const at::Tensor logistic = at::log(noise / (1.0 - noise));
  const at::Tensor soft = at::sigmoid((logits + logistic) / temperature);
  const at::Tensor hard = (soft > 0.5).to(soft.scalar_type());
  return hard - soft.detach() + soft;
}

at::Tensor own_masks(const at::Tensor& masks, std::int64_t first) {
  const at::Tensor own = masks.narrow(1, first, masks.size(0));  // [B, B, H', W']
  return own.diagonal(0, 0, 1).permute({2, 0, 1}).unsqueeze(1);
}

at::Tensor pooled_under(const at::Tensor& map, const at::Tensor& masks) {
  const at::Tensor sums = at::matmul(masks.flatten(2), map.flatten(2).transpose(1, 2));
  return sums / (masks.sum({2, 3}).unsqueeze(-1) + kMaskSumFloor);
}

at::Tensor total_variation(const at::Tensor& planes) {
  const std::int64_t h = planes.size(-2), w = planes.size(-1);
  const at::Tensor across = planes.narrow(-1, 1, w - 1) - planes.narrow(-1, 0, w - 1);
  const at::Tensor down = planes.narrow(-2, 1, h - 1) - planes.narrow(-2, 0, h - 1);
  return across.abs().mean() + down.abs().mean();
}

at::Tensor TclLosses::total() const {
  return area + other_area + feature + image + map_variation + mask_variation;
}

TclLosses tcl_losses(const TclLossInput& input, const config::TclTraining& config,
                     const LossRanks& ranks) {
  const std::int64_t batch = input.masks.size(0);
  TA_CHECK(
      input.masks.size(1) == batch * ranks.world && input.all_text.size(0) == input.masks.size(1),
      "a mask for each image of the rank and each text of all ranks");
  const at::Tensor own = own_masks(input.masks, batch * ranks.rank);
  const auto [area, other_area] = area_losses(input.masks, own, config.area_prior);
  return {.area = area * config.area_weight,
          .other_area = other_area * config.area_weight,
          .feature = feature_loss(input, config.pairing, ranks) * config.contrast_weight,
          .image = image_loss(input, ranks) * config.contrast_weight,
          .map_variation = total_variation(input.map) * config.smoothness_weight,
          .mask_variation = total_variation(input.masks) * config.smoothness_weight};
}

}  // namespace tagalign::model
