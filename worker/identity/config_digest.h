/// Which configuration a checkpoint belongs to.
#pragma once

#include <string>

#include "base/status.h"
#include "configs/schema/document/digest.h"
#include "configs/schema/jobs/job_configs.h"
#include "configs/schema/reading/load.h"

namespace tagalign::jobs {

/// Digest of everything that determines the numbers of a run (configs/schema/document/digest.md). Refuses
/// what loading would refuse. T: TrainConfig, PretrainConfig.
template <class T>
Result<std::string> config_digest(const T& config) {
  TA_RETURN_IF_ERROR(config::dump(config).status());
  return config::digest_of(config::digest_lines(config));
}

}  // namespace tagalign::jobs
