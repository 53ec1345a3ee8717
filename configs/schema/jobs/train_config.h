/// tagalign-worker train.
#pragma once

#include <cstdint>
#include <string>

#include "configs/schema/jobs/caption_features_config.h"
#include "configs/schema/jobs/shared_configs.h"
#include "configs/schema/methods/methods.h"

namespace tagalign::config {

struct TrainConfig {
  RuntimeConfig runtime;
  CaptionDataConfig data;
  AugmentConfig augment;
  ClipConfig clip;
  CaptionFeaturesConfig caption_features;
  TrainingMethod method;
  OptimizerConfig optimizer;
  CheckpointConfig checkpoint;
  int global_batch = 512;
  std::uint64_t steps = 30001;

  bool operator==(const TrainConfig&) const = default;
};

template <class V>
void visit_fields(V& v, TrainConfig& c) {
  v.section("runtime", c.runtime, "how a rank runs");
  v.section("data", c.data, "image-caption-tag data in the reference's layout");
  v.section("augment", c.augment, "what happens to a training image");
  v.section("clip", c.clip, "the frozen CLIP");
  v.section("caption_features", c.caption_features,
            "whether what the frozen CLIP makes of captions is kept");
  v.tagged("method", c.method, "what is trained, and towards what");
  v.section("optimizer", c.optimizer, "AdamW and its schedule, as in the reference");
  v.section("checkpoint", c.checkpoint, "when the training saves, and where");
  v.field("global_batch", c.global_batch,
          Rule("samples per step over all ranks; a multiple of their number")
              .between(1, 1 << 20)
              .in("samples"));
  v.field("steps", c.steps,
          Rule("length of the training; at a constant rate a longer run is the same run")
              .at_least(1)
              .in("steps")
              .affects_numbers_if(c.optimizer.schedule != ScheduleKind::kConstant,
                                  "unless optimizer.schedule is constant"));
}

}  // namespace tagalign::config
