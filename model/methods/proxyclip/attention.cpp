#include "model/methods/proxyclip/attention.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/upsample_bilinear2d.h>
#include <c10/core/impl/LocalDispatchKeySet.h>

#include <limits>

#include "base/status.h"
#include "model/training/losses.h"

namespace tagalign::model {

at::Tensor patch_cosines(const at::Tensor& features) {
  const c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::autocast_dispatch_keyset);
  const at::Tensor rows = normalize_features(features.to(at::kFloat));
  return at::matmul(rows, rows.transpose(1, 2));
}

at::Tensor proxy_weights(const at::Tensor& cosines, const at::Tensor& means,
                         const ProxyRule& rule) {
  const at::Tensor logits = (cosines - means * rule.beta) * rule.gamma;
  const at::Tensor below = logits.lt(0);
  const at::Tensor left_out = below.logical_and(below.all(-1, /*keepdim=*/true).logical_not());
  return at::softmax(logits.masked_fill(left_out, -std::numeric_limits<double>::infinity()), -1);
}

at::Tensor apply_proxy(const VisionTower& vision, const at::Tensor& windows, PositionRule positions,
                       const at::Tensor& weights, PatchGrid grid) {
  TA_CHECK(weights.dim() == 3 && weights.size(2) == grid.rows * grid.columns,
           "weights [B, P, P] of the grid");
  const ResidualBlock& block = vision.last_block();
  const PatchGrid own = vision.grid_of(windows);
  const at::Tensor tokens = block.value_tokens(vision.encode_before_last(windows, positions));
  const at::Tensor planes = tokens.slice(2, 1).transpose(2, 3).flatten(1, 2).reshape(
      {windows.size(0), -1, own.rows, own.columns});  // [B, heads · head width, h', w']
  const at::Tensor values =
      at::upsample_bilinear2d(planes, {grid.rows, grid.columns}, /*align_corners=*/false)
          .flatten(2)
          .unflatten(1, {tokens.size(1), tokens.size(3)})
          .transpose(2, 3);  // [B, heads, P, head width]
  const at::Tensor output = at::matmul(weights.unsqueeze(1).to(values.scalar_type()), values);
  return vision.projection().forward(block.project_out(output));
}

}  // namespace tagalign::model
