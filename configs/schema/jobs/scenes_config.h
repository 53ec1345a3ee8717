/// tagalign-worker scenes: the embedded data set "scenes".
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "configs/schema/jobs/shared_configs.h"

namespace tagalign::config {

/// One segmentation split that prepare draws, with its own look.
struct SceneSplitConfig {
  std::string name;
  int count = 60;
  int size = 128;
  SceneLook look = SceneLook::kDay;

  bool operator==(const SceneSplitConfig&) const = default;
};

template <class V>
void visit_fields(V& v, SceneSplitConfig& c) {
  v.field("name", c.name, Rule("folder below output").required().keeps_numbers());
  v.field("count", c.count, Rule("number of images").between(1, 10'000'000));
  v.field("size", c.size, Rule("side of an image").between(32, 1024).in("pixels"));
  v.field("look", c.look, Rule("dusk is darker, warmer and noisier"));
}

struct ScenesConfig {
  RuntimeConfig runtime;
  PreparedDataset dataset = PreparedDataset::kScenes;
  std::string output = "scenes";
  std::uint64_t seed = 1;
  int train_count = 4000;
  double train_dusk_share = 0.0;
  int train_size = 64;
  std::vector<SceneSplitConfig> validation;

  bool operator==(const ScenesConfig&) const = default;
};

template <class V>
void visit_fields(V& v, ScenesConfig& c) {
  v.section("runtime", c.runtime, "how a rank runs");
  v.field("dataset", c.dataset, Rule("what is drawn"));
  v.field("output", c.output,
          Rule("folder; complete when it holds dataset.json").required().keeps_numbers());
  v.field("seed", c.seed, Rule("the same bytes come from the same seed"));
  v.field("train_count", c.train_count,
          Rule("number of image-caption-tag samples").between(1, 100'000'000));
  v.field("train_dusk_share", c.train_dusk_share,
          Rule("share of the training images that look like dusk").between(0, 1));
  v.field("train_size", c.train_size,
          Rule("side of a training image").between(32, 1024).in("pixels"));
  v.list("validation", c.validation, 1, "segmentation splits");
}

}  // namespace tagalign::config
