#include "worker/weights/frozen_clip.h"

#include "base/format.h"
#include "worker/weights/weights.h"

namespace tagalign::jobs {
namespace {

constexpr const char* kKey = "clip.weights";

Result<FrozenClip> build(const LoadedWeights& weights) {
  TA_ASSIGN_OR_RETURN(auto vision, model::VisionTower::create(weights.tensors));
  TA_ASSIGN_OR_RETURN(auto text, model::TextTower::create(weights.tensors));
  return FrozenClip{.vision = std::move(vision), .text = std::move(text), .digest = weights.digest};
}

}  // namespace

Result<FrozenClip> load_clip(const Rank& rank, const Path& path) {
  const auto weights = load_weights(rank.files, path);
  if (!weights.ok()) return weights.status().with_context(kKey);
  auto clip = build(*weights);
  if (!clip.ok()) {
    return with_notes(clip.status(), weights->notes)
        .with_context(format("{}: {}", kKey, path.string()));
  }
  if (rank.is_first()) {
    for (const std::string& notice : weights->notes.notices)
      rank.reporter.notice(format("weights {}: {}", path.string(), notice));
  }
  clip->vision.to(rank.device);
  clip->text.to(rank.device);
  return clip;
}

Status freeze_clip(Rank& rank, config::Precision precision, FrozenClip& clip) {
  using model::AttentionWay;
  const at::ScalarType compute = precision == config::Precision::kBf16 ? at::kBFloat16 : at::kFloat;
  if (clip.form && clip.form->compute == compute) return ok_status();
  const auto by_products = rank.first_decides([&]() -> Result<bool> {
    return model::preferred_attention(compute, rank.device) == AttentionWay::kProducts;
  });
  TA_RETURN_IF_ERROR(by_products.status());
  const model::FrozenForm form{
      .compute = compute,
      .attention = *by_products ? AttentionWay::kProducts : AttentionWay::kFused};
  clip.vision.freeze(form);
  clip.text.freeze(form);
  clip.form = form;
  return ok_status();
}

}  // namespace tagalign::jobs
