#include "model/methods/resclip/encoder.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/upsample_bilinear2d.h>
#include <c10/core/impl/LocalDispatchKeySet.h>

#include <utility>

#include "base/status.h"
#include "model/inference/pamr.h"
#include "model/methods/heads/scorer.h"

namespace tagalign::model {
namespace {

/// What the authors sharpen the first answer with, whatever refines the last one.
const PamrOptions& first_answer_refinement() {
  static const PamrOptions options{.iterations = 10, .dilations = {8, 16}};
  return options;
}

ResidualAttention residual_attention(const config::ResClipEvaluation& config) {
  return {.head = last_block(config.settings),
          .rcs = {config.rcs.temperature, config.rcs.weight},
          .sfr = {config.sfr.temperature, config.sfr.weight}};
}

}  // namespace

ResClipEncoder::ResClipEncoder(const VisionTower& vision, const config::ResClipEvaluation& config,
                               at::Tensor queries)
    : vision_(vision),
      positions_(position_rule(config.settings)),
      blocks_(config.blocks),
      how_(residual_attention(config)),
      rule_{config.settings.gaussian_std, config.delete_same_entity},
      scale_(config.settings.scale),
      threshold_(config.feedback_threshold),
      queries_(std::move(queries)) {}

PatchFeatures ResClipEncoder::encode(const at::Tensor& windows) const {
  std::vector<at::Tensor> all;
  for (std::int64_t i = 0; i < windows.size(0); ++i) {
    const at::Tensor window = windows.narrow(0, i, 1);
    const EarlierBlocks earlier = run_earlier_blocks(vision_, window, positions_, blocks_);
    all.push_back(rows(earlier, second_weights(window, earlier)));
  }
  return {at::cat(all), vision_.grid_of(windows)};
}

at::Tensor ResClipEncoder::attention(const at::Tensor& window) const {
  return second_weights(window, run_earlier_blocks(vision_, window, positions_, blocks_));
}

at::Tensor ResClipEncoder::second_weights(const at::Tensor& window,
                                          const EarlierBlocks& earlier) const {
  const PatchGrid grid = vision_.grid_of(window);
  const at::Tensor first = residual_weights(vision_, earlier, grid, how_, {});
  return residual_weights(vision_, earlier, grid, how_, feedback(window, rows(earlier, first)));
}

/// Of each patch the joint embedding: [1, h·w, E].
at::Tensor ResClipEncoder::rows(const EarlierBlocks& earlier, const at::Tensor& weights) const {
  const at::Tensor tokens =
      apply_weights(vision_.last_block(), earlier.tokens, weights, how_.head.reduced);
  return vision_.projection().forward(tokens.slice(1, 1));
}

/// Of the first pass's rows [1, h·w, E]: [L, L] fp32.
at::Tensor ResClipEncoder::feedback(const at::Tensor& window, const at::Tensor& rows) const {
  const c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::autocast_dispatch_keyset);
  const at::Tensor maps = cosine_maps({rows, vision_.grid_of(window)}, queries_);
  const at::Tensor cosines = at::upsample_bilinear2d(maps, {window.size(2), window.size(3)},
                                                     /*align_corners=*/false);
  const at::Tensor sharp = Pamr(first_answer_refinement()).refine(window, cosines).squeeze(0);
  const at::Tensor shares = at::softmax(sharp * scale_, 0);  // [Q, S, S']
  const at::Tensor queries = patch_queries(shares, vision_.shape().patch_size, threshold_);
  return feedback_matrix(queries, rule_).to(window.device());
}

}  // namespace tagalign::model
