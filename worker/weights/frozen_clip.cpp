#include "worker/weights/frozen_clip.h"

#include "base/format.h"
#include "worker/weights/weights.h"

namespace tagalign::jobs {
namespace {

constexpr const char* kKey = "clip.weights";

Result<FrozenClip> build(const LoadedWeights& weights) {
  TA_ASSIGN_OR_RETURN(auto vision, model::VisionTower::create(weights.tensors));
  TA_ASSIGN_OR_RETURN(auto text, model::TextTower::create(weights.tensors));
  return FrozenClip{std::move(vision), std::move(text), weights.digest};
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

}  // namespace tagalign::jobs
