/// Softmax attention over heads, in the way that is faster where it runs.
///
/// Axes: B sequences, H heads, L tokens, K tokens attended to, C head width. Pure; any thread.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

#include <cstdint>

namespace tagalign::model {

enum class AttentionWay {
  kFused,  ///< at::scaled_dot_product_attention
  /// bf16 without mask, to at least kTokensMin tokens, while no gradient is recorded: two batched
  /// products with a softmax between them. All else as kFused.
  kProducts,
};

/// Fewer tokens attended to were not measured.
inline constexpr std::int64_t kTokensMin = 26;

/// The faster way for products of type `compute` on `device`: a rule, so that equal processors
/// always choose alike. kProducts for bf16 on AMD's processors with AVX512-BF16: there MKL computes
/// the fused kernel's products in fp32, while batched products are oneDNN's, which has instructions
/// for them. CPU ms fused and by products, copies included, with LibTorch 2.11 on one core of an
/// EPYC (Zen 4), 12 heads of 64: 16 × 50 tokens 4.7 and 3.7, 8 × 101 tokens 7.1 and 4.4, 8 × 197
/// tokens 20.0 and 14.4. In fp32 8 × 197 tokens took 14.8 fused and 17.9 by products, on another
/// day. Intel's processors and GPUs were not measured and stay fused.
AttentionWay preferred_attention(at::ScalarType compute, at::Device device);

/// Who attends to whom; by default all to all.
struct AttentionLimits {
  at::Tensor allowed = {};  ///< bool, to [B, H, L, K] by broadcasting; true: attend
  bool causal = false;      ///< token i attends to tokens 0 … i; not together with `allowed`
};

/// softmax(C^-0.5·q·kᵀ)·v: q [B, H, L, C], k and v [B, H, K, C] → [B, H, L, C]. By products the
/// logits are rounded to bf16, which does not average out over C as the rounding of q and k does:
/// about twice the error of fused. By products it needs memory for two matrices [B, H, L, K].
at::Tensor attend(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, AttentionWay way,
                  const AttentionLimits& limits = {});

}  // namespace tagalign::model
