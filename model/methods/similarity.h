/// Class scores from patch features: what methods with CLIP's joint embedding share.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>

#include "model/methods/method.h"
#include "model/methods/tagalign/projector.h"

namespace tagalign::model {

/// The patch grid of `windows` [B, 3, S, S']; a remainder below a patch is left out.
Grid patch_grid(const VisionTower& vision, const at::Tensor& windows);

/// "surgery", "plain" or "maskclip", as configurations spell it.
std::string attention_name(VisionAttention attention);

/// features [B, hw, E], text [N, E] normalised → [B, N, h, w] fp32. Switch autocast off first.
at::Tensor class_scores(const at::Tensor& features, Grid grid, const at::Tensor& text,
                        const ScoreOptions& options);

}  // namespace tagalign::model
