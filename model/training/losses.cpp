#include "model/training/losses.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/clamp_max.h>
#include <ATen/ops/clamp_min.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/exp.h>
#include <ATen/ops/full.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/log.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/softmax.h>
#include <c10/core/impl/LocalDispatchKeySet.h>

#include <cmath>

#include "base/status.h"

namespace tagalign::model {
namespace {

constexpr double kNormMin = 1e-6;
constexpr double kScaleMax = 100.0;
constexpr double kInitialTemperature = 0.07;
constexpr double kProbabilityMin = 1e-8;

using AutocastOff = c10::impl::ExcludeDispatchKeyGuard;

void check_pair(const at::Tensor& a, const at::Tensor& b) {
  TA_CHECK(a.dim() == 2 && b.dim() == 2 && a.size(1) == b.size(1), "two [_, E] tensors expected");
}

}  // namespace

at::Tensor normalize_features(const at::Tensor& t) {
  const AutocastOff no_autocast(c10::autocast_dispatch_keyset);
  const at::Tensor x = t.to(at::kFloat);
  const at::Tensor norm = at::linalg_vector_norm(x, 2, at::IntArrayRef{-1}, /*keepdim=*/true);
  return x / at::clamp_min(norm, kNormMin);
}

at::Tensor logit_scale(const at::Tensor& log_scale) {
  return at::clamp_max(at::exp(log_scale.to(at::kFloat)), kScaleMax);
}

at::Tensor new_log_scale(at::Device device) {
  return at::full({}, std::log(1.0 / kInitialTemperature),
                  at::TensorOptions(at::kFloat).device(device))
      .set_requires_grad(true);
}

at::Tensor infonce_loss(const at::Tensor& image, const at::Tensor& text,
                        const at::Tensor& log_scale, const LossRanks& ranks) {
  check_pair(image, text);
  TA_CHECK(image.size(0) == text.size(0), "one text an image");
  TA_CHECK(ranks.world == 1 || ranks.gather, "several ranks need a gather");
  const AutocastOff no_autocast(c10::autocast_dispatch_keyset);
  const std::int64_t batch = image.size(0);
  const std::int64_t width = image.size(1);
  const at::Tensor own_image = normalize_features(image);  // [B, E]
  const at::Tensor own_text = normalize_features(text);    // [B, E]
  at::Tensor all_image = own_image;
  at::Tensor all_text = own_text;
  if (ranks.world > 1) {
    // One collective carries both sides: [B, 2E] → [W·B, 2E].
    const at::Tensor all = ranks.gather(at::cat({own_image, own_text}, 1));
    TA_CHECK(all.size(0) == batch * ranks.world && all.size(1) == 2 * width, "gathered shape");
    all_image = all.narrow(1, 0, width);
    all_text = all.narrow(1, width, width);
  }
  const at::Tensor scale = logit_scale(log_scale);
  const at::Tensor labels = at::arange(batch * ranks.rank, batch * (ranks.rank + 1),
                                       own_image.options().dtype(at::kLong));
  const at::Tensor from_image = at::matmul(own_image, all_text.t()) * scale;  // [B, W·B]
  const at::Tensor from_text = at::matmul(own_text, all_image.t()) * scale;   // [B, W·B]
  return (at::cross_entropy_loss(from_image, labels) + at::cross_entropy_loss(from_text, labels)) *
         0.5;
}

at::Tensor multitag_loss(const at::Tensor& image, const at::Tensor& label_embedding,
                         const at::Tensor& tags, const at::Tensor& log_scale) {
  check_pair(image, label_embedding);
  TA_CHECK(
      tags.dim() == 2 && tags.size(0) == image.size(0) && tags.size(1) == label_embedding.size(0),
      "tags [B, T]");
  const AutocastOff no_autocast(c10::autocast_dispatch_keyset);
  const at::Tensor labels = normalize_features(label_embedding);  // [T, E]
  const at::Tensor logits =
      at::matmul(normalize_features(image), labels.t()) * logit_scale(log_scale);  // [B, T]
  // The clamp passes no gradient to a probability below it: such a tag pulls no longer.
  const at::Tensor log_p = at::log(at::clamp_min(at::softmax(logits, -1), kProbabilityMin));
  const at::Tensor marked = tags.to(at::kFloat);
  const at::Tensor count = at::clamp_min(marked.sum(-1, /*keepdim=*/true), 1.0);
  return -(marked / count * log_p).sum(-1).mean();
}

}  // namespace tagalign::model
