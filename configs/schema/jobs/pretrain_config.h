/// tagalign-worker pretrain: a CLIP of the given size, contrastively, from nothing.
#pragma once

#include <cstdint>
#include <string>

#include "configs/schema/jobs/shared_configs.h"

namespace tagalign::config {

struct PretrainConfig {
  RuntimeConfig runtime;
  CaptionDataConfig data;
  AugmentConfig augment;
  OptimizerConfig optimizer;
  CheckpointConfig checkpoint;
  int vision_width = 768;
  int vision_layers = 12;
  int patch_size = 16;
  int text_width = 512;
  int text_layers = 12;
  int embed_dim = 512;
  int global_batch = 256;
  std::uint64_t steps = 1000;
  std::string output = "clip.safetensors";

  bool operator==(const PretrainConfig&) const = default;
};

template <class V>
void visit_fields(V& v, PretrainConfig& c) {
  v.section("runtime", c.runtime, "how a rank runs");
  v.section("data", c.data, "image-caption-tag data in the reference's layout");
  v.section("augment", c.augment, "what happens to a training image");
  v.section("optimizer", c.optimizer, "AdamW and its schedule, as in the reference");
  v.section("checkpoint", c.checkpoint, "when the training saves, and where");
  v.field("vision_width", c.vision_width,
          Rule("width of the vision tower; a multiple of 64").between(64, 8192));
  v.field("vision_layers", c.vision_layers,
          Rule("layers of the vision tower; surgery rewrites the last six").between(7, 128));
  v.field("patch_size", c.patch_size,
          Rule("side of a patch; divides data.image_size").between(1, 256).in("pixels"));
  v.field("text_width", c.text_width,
          Rule("width of the text tower; a multiple of 64").between(64, 8192));
  v.field("text_layers", c.text_layers, Rule("layers of the text tower").between(1, 128));
  v.field("embed_dim", c.embed_dim, Rule("size of the joint embedding").between(1, 8192));
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
  v.field("output", c.output,
          Rule("the CLIP, written at the end, durably; OpenAI's names").required().keeps_numbers());
}

}  // namespace tagalign::config
