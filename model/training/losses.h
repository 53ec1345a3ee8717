/// The two losses of TagAlign (TERMS.md, reference §3), on one rank's share of the batch.
///
/// Axes: B local batch, W ranks, E joint embedding, T tags. fp32 inside, whatever autocast says.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>

namespace tagalign::model {

/// How a loss sees the other ranks. `gather` maps [B, …] to [W·B, …] in rank order and carries
/// gradients back: the gradient of a rank's rows is the sum of what every rank's loss sends to them
/// (worker/gradients/gather_autograd.h). With world == 1 it may be empty.
struct LossRanks {
  int rank = 0;
  int world = 1;
  std::function<at::Tensor(const at::Tensor&)> gather;
};

/// t / max(‖t‖₂, 1e-6) along the last axis.
at::Tensor normalize_features(const at::Tensor& t);

/// min(exp(log_scale), 100), the factor of contrastive logits: [] → [] fp32. No gradient at the cap.
at::Tensor logit_scale(const at::Tensor& log_scale);

/// log_scale before the first step, ln(1/0.07): [] fp32, a leaf with requires_grad.
at::Tensor new_log_scale(at::Device device);

/// Symmetric InfoNCE: mean of image→text and text→image cross-entropy; the other modality is
/// gathered (both in one call), labels are offset by B·rank, logits scaled by
/// min(exp(log_scale), 100). image, text [B, E], equal B on all ranks; log_scale [] → [].
at::Tensor infonce_loss(const at::Tensor& image, const at::Tensor& text,
                        const at::Tensor& log_scale, const LossRanks& ranks);

/// −mean_b Σ_t target·log(max(p, 1e-8)) with p = softmax(min(exp(log_scale), 100)·⟨normalised
/// image, normalised label⟩) over the tags and target = tags / Σ tags (a row without tags stays
/// zero). image [B, E]; label_embedding [T, E]; tags [B, T] multi-hot float; log_scale [] → [].
at::Tensor multitag_loss(const at::Tensor& image, const at::Tensor& label_embedding,
                         const at::Tensor& tags, const at::Tensor& log_scale);

}  // namespace tagalign::model
