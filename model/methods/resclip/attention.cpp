#include "model/methods/resclip/attention.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/softmax.h>

#include <algorithm>

#include "base/status.h"

namespace tagalign::model {
namespace {

at::Tensor blended(const at::Tensor& own, const at::Tensor& other, const Blend& blend) {
  return (own * (1 - blend.weight) + other * blend.weight) * blend.temperature;
}

}  // namespace

EarlierBlocks run_earlier_blocks(const VisionTower& vision, const at::Tensor& windows,
                                 PositionRule positions, std::span<const int> averaged) {
  TA_CHECK(!averaged.empty(), "a block whose attention is averaged");
  EarlierBlocks all;
  const auto observe = [&](std::int64_t done, const at::Tensor& x, const at::Tensor&) {
    if (!std::ranges::binary_search(averaged, done + 1)) return;
    const HeadTokens heads = vision.block(done + 1).head_tokens(x);
    const at::Tensor weights = at::softmax(token_logits(heads.q, heads.k), -1).to(at::kFloat);
    all.attention = all.attention.defined() ? all.attention.add_(weights) : weights;
  };
  all.tokens = vision.encode_before_last(windows, positions, observe);
  TA_CHECK(all.attention.defined(), "blocks that the tower has");
  all.attention.div_(static_cast<double>(averaged.size()));
  return all;
}

at::Tensor residual_weights(const VisionTower& vision, const EarlierBlocks& earlier, PatchGrid grid,
                            const ResidualAttention& how, const at::Tensor& feedback) {
  TA_CHECK(
      how.head.weights != TokenWeights::kIdentity && how.head.weights != TokenWeights::kNeighbours,
      "a head that compares patches");
  LogitChange join;
  if (feedback.defined()) {
    const at::Tensor relative = (feedback / feedback.max()).to(at::kHalf);
    join = [=, &how](const at::Tensor& logits) { return blended(logits, relative, how.sfr); };
  }
  const at::Tensor own = token_weights(vision.last_block(), earlier.tokens, grid, how.head, join);
  return blended(own, earlier.attention, how.rcs);
}

}  // namespace tagalign::model
