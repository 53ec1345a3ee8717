#include "model/clip/attention.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/bmm.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <ATen/ops/softmax.h>

#include <cmath>
#include <optional>

namespace tagalign::model {
namespace {

bool is_amd_with_bf16() {
#if defined(__x86_64__)
  static const bool found =
      __builtin_cpu_is("amd") != 0 && __builtin_cpu_supports("avx512bf16") != 0;
  return found;
#else
  return false;
#endif
}

bool records_gradient(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
  return at::GradMode::is_enabled() &&
         (q.requires_grad() || k.requires_grad() || v.requires_grad());
}

/// [B, H, L, C] → [B·H, L, C], each matrix in one piece, which batched products take as it is.
at::Tensor laid_together(const at::Tensor& heads) {
  return heads.flatten(0, 1).contiguous();
}

// Surgery attends by one tensor in all three places.
at::Tensor attend_by_products(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
  const double scale = 1.0 / std::sqrt(static_cast<double>(q.size(-1)));
  const at::Tensor values = laid_together(v);
  const at::Tensor keys = k.is_same(v) ? values : laid_together(k);
  const at::Tensor queries = (q.is_same(k) ? keys : laid_together(q)) * scale;
  const at::Tensor weights = at::softmax(at::bmm(queries, keys.transpose(1, 2)), -1);
  return at::bmm(weights, values).unflatten(0, {q.size(0), q.size(1)});
}

}  // namespace

AttentionWay preferred_attention(at::ScalarType compute, at::Device device) {
  const bool products = compute == at::kBFloat16 && device.is_cpu() && is_amd_with_bf16();
  return products ? AttentionWay::kProducts : AttentionWay::kFused;
}

at::Tensor attend(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, AttentionWay way,
                  const AttentionLimits& limits) {
  const bool limited = limits.causal || limits.allowed.defined();
  if (way == AttentionWay::kProducts && !limited && q.scalar_type() == at::kBFloat16 &&
      k.size(2) >= kTokensMin && !records_gradient(q, k, v)) {
    return attend_by_products(q, k, v);
  }
  std::optional<at::Tensor> allowed;
  if (limits.allowed.defined()) allowed = limits.allowed;
  return at::scaled_dot_product_attention(q, k, v, allowed, /*dropout_p=*/0.0, limits.causal);
}

}  // namespace tagalign::model
