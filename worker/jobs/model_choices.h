/// What a configuration chooses, in the model's terms. Pure.
#pragma once

#include "configs/schema/shared_configs.h"
#include "model/clip/towers.h"
#include "model/projector.h"

namespace tagalign::jobs {

constexpr model::VisionAttention vision_attention(config::Attention attention) {
  switch (attention) {
    case config::Attention::kSurgery:
      return model::VisionAttention::kSurgery;
    case config::Attention::kPlain:
      return model::VisionAttention::kPlain;
    case config::Attention::kMaskClip:
      break;
  }
  return model::VisionAttention::kMaskClip;
}

/// `width` is the vision tower's.
constexpr model::ProjectorShape projector_shape(const config::ProjectorConfig& config,
                                                std::int64_t width) {
  return {.kind = config.kind == config::ProjectorKind::kGDecoder
                      ? model::ProjectorKind::kGDecoder
                      : model::ProjectorKind::kTransformer,
          .layers = config::projector_layers(config),
          .width = width};
}

}  // namespace tagalign::jobs
