#include "model/methods/clip_surgery/surgery.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/upsample_bilinear2d.h>
#include <c10/core/impl/LocalDispatchKeySet.h>

#include <cmath>
#include <limits>

#include "base/status.h"
#include "model/training/losses.h"

namespace tagalign::model {
namespace {

/// Of the CLS row's softmax.
constexpr double kSharpness = 2.0;

}  // namespace

at::Tensor surgery_features(const VisionTower& vision, const at::Tensor& images,
                            VisionAttention attention) {
  const at::Tensor tokens = vision.encode(images, attention, {}, PositionRule::kBilinearSquare);
  const at::Tensor features = vision.projection().forward(tokens);  // [B, L, E]
  const c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::autocast_dispatch_keyset);
  return normalize_features(features.to(at::kFloat));
}

at::Tensor feature_surgery(const at::Tensor& cosines) {
  const at::Tensor shares = at::softmax(cosines.slice(1, 0, 1) * kSharpness, -1);  // [B, 1, Q]
  const at::Tensor weighed = cosines * (shares / shares.mean(-1, true));
  return weighed - weighed.mean(-1, true);
}

at::Tensor unit_maps(const at::Tensor& scores) {
  const at::Tensor low = scores.amin(0, true);         // [1, Q]
  const at::Tensor span = scores.amax(0, true) - low;  // [1, Q]
  return (scores - low) / span.clamp_min(std::numeric_limits<float>::min());
}

at::Tensor enlarged(const at::Tensor& maps, ImageSize size) {
  const std::int64_t side = side_of(maps.size(0));
  return at::upsample_bilinear2d(maps.t().reshape({1, maps.size(1), side, side}),
                                 {size.height, size.width}, /*align_corners=*/false)
      .squeeze(0);
}

std::int64_t side_of(std::int64_t patches) {
  const auto side = static_cast<std::int64_t>(std::lround(std::sqrt(patches)));
  TA_CHECK(side * side == patches, "a square of patches");
  return side;
}

}  // namespace tagalign::model
