/// Which configuration a checkpoint belongs to (configs/schema/document/digest.md).
#pragma once

#include <string>

#include "base/status.h"
#include "configs/schema/document/digest.h"
#include "configs/schema/jobs/job_configs.h"
#include "configs/schema/reading/load.h"

namespace tagalign::jobs {

/// What determines the numbers of a run: the lines of digest.md, and their digest.
struct ConfigIdentity {
  std::string digest;
  config::DigestLines settings;
};

/// Refuses what loading would refuse. T: TrainConfig, PretrainConfig, ImportConfig.
template <class T>
Result<ConfigIdentity> config_identity(const T& config) {
  TA_RETURN_IF_ERROR(config::dump(config).status());
  const config::DigestLines lines = config::digest_lines(config);
  return ConfigIdentity{config::digest_of(lines), lines};
}

/// In which settings two runs differ, each with both values, as "optimizer.base_lr is 0.001, was
/// its default"; the first few. Empty when the other run's are not known.
std::string differences(const config::DigestLines& ours, const config::DigestLines& theirs);

}  // namespace tagalign::jobs
