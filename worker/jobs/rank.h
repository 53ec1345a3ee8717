/// What every job gets: one rank's seat, its reporter, files and device.
#pragma once

#include <c10/core/Device.h>

#include "base/file_system.h"
#include "worker/collectives/collective_group.h"
#include "worker/jobs/reporter.h"

namespace tagalign::jobs {

/// Borrowed; all outlive the job.
struct Rank {
  collectives::CollectiveGroup& group;
  Reporter& reporter;
  FileSystem& files;
  at::Device device{at::kCPU};

  bool is_first() const { return group.rank() == 0; }
};

/// How a job that did not fail ended.
enum class JobEnd {
  kFinished,
  kSavedAndLeft,  ///< on request; exit code 75
};

}  // namespace tagalign::jobs
