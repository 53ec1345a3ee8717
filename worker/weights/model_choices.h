/// What a configuration chooses, in the model's terms. Pure.
#pragma once

#include "configs/schema/jobs/shared_configs.h"
#include "model/clip/towers.h"

namespace tagalign::jobs {

constexpr model::VisionAttention vision_attention(config::Attention attention) {
  switch (attention) {
    case config::Attention::kSurgery:
      return model::VisionAttention::kSurgery;
    case config::Attention::kPlain:
      return model::VisionAttention::kPlain;
    case config::Attention::kSclip:
      return model::VisionAttention::kSclip;
    case config::Attention::kNaclip:
      return model::VisionAttention::kNaclip;
    case config::Attention::kClearClip:
      return model::VisionAttention::kClearClip;
    case config::Attention::kMaskClip:
      break;
  }
  return model::VisionAttention::kMaskClip;
}

}  // namespace tagalign::jobs
