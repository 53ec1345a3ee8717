#include "tests/golden/check/tcl/first_step.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <cmath>
#include <utility>
#include <vector>

#include "base/format.h"
#include "model/methods/tcl/losses.h"
#include "model/methods/tcl/masker.h"
#include "tests/golden/check/compare.h"
#include "tests/golden/check/rank_threads.h"
#include "tests/golden/check/tcl/bounds.h"
#include "worker/collectives/collective_group.h"
#include "worker/gradients/gather_autograd.h"
#include "worker/train/caption_tokens.h"

namespace tagalign::golden::tcl {
namespace {

using collectives::CollectiveGroup;

model::Masker initial_masker(const TrainingInputs& inputs, const RunPlan& plan) {
  const model::ClipShape& clip = inputs.clip.vision.shape();
  model::Masker masker({.layers = plan.method.decoder.layers,
                        .double_convolutions = plan.method.decoder.double_convolutions,
                        .first_block = clip.vision_layers - plan.method.copied_blocks,
                        .width = clip.vision_width,
                        .embedding = clip.embed_dim},
                       inputs.clip.vision, 0);
  const at::NoGradGuard no_grad;
  for (const auto& parameter : masker.parameters())
    parameter.tensor.copy_(inputs.masker.at(parameter.name));
  return masker;
}

at::Tensor kept(const at::Tensor& tensor) {
  tensor.retain_grad();
  return tensor;
}

/// A rank's share of the first batch.
struct Share {
  std::int64_t first = 0;  ///< row of the batch
  at::Tensor images;       // [B, 3, H, W]
  std::vector<std::string> captions;
  model::Grid grid;
};

Share share_of(const TrainingInputs& inputs, const RunPlan& plan, int rank) {
  const std::int64_t batch = plan.batches.front(), size = plan.batch_per_rank;
  const std::int64_t first = rank * size, patch = inputs.clip.vision.shape().patch_size;
  const at::Tensor images =
      inputs.images.at(format("batch{}.images", batch)).narrow(0, first, size).to(at::kFloat);
  const auto& all = inputs.captions.at(static_cast<std::size_t>(batch));
  return {.first = first,
          .images = images,
          .captions = {all.begin() + first, all.begin() + first + size},
          .grid = {images.size(2) / patch, images.size(3) / patch}};
}

/// What the frozen towers give.
Tensors frozen_stages(const TrainingInputs& inputs, const model::Masker& masker,
                      const Share& share) {
  const at::NoGradGuard frozen;
  const Clip& clip = inputs.clip;
  Tensors found;
  found["clip_block"] = masker.frozen_tokens(clip.vision, share.images);
  found["clip_features"] = clip.vision.encode(share.images, model::VisionAttention::kMaskClip)
                               .slice(1, 1)
                               .transpose(1, 2)
                               .unflatten(2, {share.grid.h, share.grid.w});
  found["text_emb"] = clip.text.encode(
      jobs::caption_tokens(clip.tokenizer, share.captions, clip.text.shape().context, at::kCPU));
  return found;
}

/// Stages of one rank's first step by the fixtures' names, and the gradients that they are left.
Tensors first_step(const TrainingInputs& inputs, const RunPlan& plan, CollectiveGroup& group) {
  const model::Masker masker = initial_masker(inputs, plan);
  const Share share = share_of(inputs, plan, group.rank());
  Tensors found = frozen_stages(inputs, masker, share);
  const model::LossRanks ranks{group.rank(), group.size(), [&](const at::Tensor& rows) {
                                 return jobs::gather_with_gradient(rows, group);
                               }};
  const at::Tensor text = found["text_emb"];
  const at::Tensor all_text = group.size() == 1 ? text : ranks.gather(text);
  found["image_emb"] = kept(masker.embed(found["clip_block"], share.grid));
  found["simmap"] = kept(model::Masker::similarity(found["image_emb"], all_text));
  const at::Tensor logits = masker.logits(found["simmap"]);
  const at::Tensor& noise = plan.noise->at(format("rank{}.step0.noise", group.rank()));
  found["soft_mask"] = kept(at::sigmoid(logits));
  found["hard_mask"] = kept(model::gumbel_masks(logits, noise, plan.method.temperature));
  found["pooled"] = model::pooled_under(found["image_emb"], found["soft_mask"]).detach();
  const at::Tensor scale = at::scalar_tensor(std::log(1.0 / 0.07), at::kFloat);
  const auto encode = [&](const at::Tensor& masked) {
    return found["masked_image_emb"] = kept(inputs.clip.vision.encode_pooled(masked));
  };
  model::tcl_losses({.map = found["image_emb"],
                     .masks = found["soft_mask"],
                     .sampled = model::own_masks(found["hard_mask"], share.first),
                     .images = share.images,
                     .text = text,
                     .all_text = all_text,
                     .feature_scale = scale,
                     .image_scale = scale,
                     .encode = encode},
                    plan.method, ranks)
      .total()
      .backward();
  for (const char* stage : {"image_emb", "simmap", "soft_mask", "hard_mask", "masked_image_emb"})
    found[format("grad.{}", stage)] = found[stage].grad();
  return found;
}

/// As stored: "#image0" is the first image alone, and sequences have their length in front.
at::Tensor as_stored(const std::string& quantity, const at::Tensor& tensor) {
  if (quantity.ends_with("#image0")) return tensor.narrow(0, 0, 1);
  return quantity == "clip_block" ? tensor.transpose(0, 1) : tensor;
}

Tolerance bound_of(const std::string& stage, bool variation) {
  if (stage.starts_with("grad."))
    return variation ? bounds::kVariationGradient : bounds::kTrainingGradient;
  if (stage.ends_with("_mask") || stage == "simmap") return bounds::kMask;
  return stage == "clip_block" || stage == "clip_features" ? bounds::kFeatures
                                                           : bounds::kImageEmbedding;
}

}  // namespace

void check_first_step(Report& report, const std::string& run, const TrainingInputs& inputs,
                      const RunPlan& plan, TensorFile& golden) {
  std::vector<std::string> wanted;
  for (const std::string& name : golden.names()) {
    if (name.find(".first.") != std::string::npos) wanted.push_back(name);
  }
  if (wanted.empty()) return;
  const auto found = on_rank_threads(plan.ranks, [&](collectives::CollectiveGroup& group) {
    return Result<Tensors>(first_step(inputs, plan, group));
  });
  if (!found.ok()) return report.failed(run + " first step", found.status().message());
  for (const std::string& name : wanted) {
    const std::size_t rank = std::stoul(name.substr(4));
    const std::string quantity = name.substr(name.find(".first.") + 7);
    const std::string stage = quantity.substr(0, quantity.find('#'));
    const auto ours = found->at(rank).find(stage);
    if (ours == found->at(rank).end()) {
      golden.find(name);
      report.not_compared(run + " " + name,
                          "it lies inside a function; what that returns is compared");
      continue;
    }
    compare_tensor(report, run + " " + name, as_stored(quantity, ours->second), golden, name,
                   bound_of(stage, plan.method.smoothness_weight > 0));
  }
}

}  // namespace tagalign::golden::tcl
