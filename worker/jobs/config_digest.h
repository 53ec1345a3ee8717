/// Which configuration a checkpoint belongs to.
#pragma once

#include <string>

#include "base/status.h"
#include "configs/schema/digest.h"
#include "configs/schema/job_configs.h"
#include "configs/schema/load.h"

namespace tagalign::jobs {

/// Digest of everything that determines the numbers of a run (configs/schema/digest.md). Refuses
/// what loading would refuse. T: TrainConfig, PretrainConfig.
template <class T>
Result<std::string> config_digest(const T& config) {
  TA_RETURN_IF_ERROR(config::dump(config).status());
  return config::digest_of(config::digest_lines(config));
}

}  // namespace tagalign::jobs
