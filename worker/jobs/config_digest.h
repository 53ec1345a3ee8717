/// Which configuration a checkpoint belongs to.
#pragma once

#include <string>

#include "base/checksum.h"
#include "base/status.h"
#include "configs/schema/job_configs.h"
#include "configs/schema/load.h"

namespace tagalign::jobs {

/// Digest of everything that determines the numbers of a run: fields that only say where files lie,
/// how often something is saved or said, and how many threads decode are put back to their defaults
/// first. T: TrainConfig, PretrainConfig.
template <class T>
Result<std::string> config_digest(T config) {
  config.checkpoint = {};
  config.runtime.log_every_steps = config::RuntimeConfig{}.log_every_steps;
  config.runtime.collective_timeout_s = config::RuntimeConfig{}.collective_timeout_s;
  config.runtime.device = config::RuntimeConfig{}.device;
  config.runtime.collectives = config::RuntimeConfig{}.collectives;
  config.data.loader_threads = config::CaptionDataConfig{}.loader_threads;
  config.data.prefetch_batches = config::CaptionDataConfig{}.prefetch_batches;
  config.data.root = "-";  // the data set has a digest of its own
  config.data.captions = "-";
  config.data.tags = "-";
  config.data.tag_names = "-";
  if constexpr (requires { config.clip.weights; }) config.clip.weights = "-";  // likewise
  if constexpr (requires { config.output; }) config.output = "-";
  if (config.optimizer.schedule == "constant") config.steps = 1;  // a longer run is the same run
  TA_ASSIGN_OR_RETURN(const std::string text, config::dump(config));
  return digest128(as_bytes(text)).hex();
}

}  // namespace tagalign::jobs
