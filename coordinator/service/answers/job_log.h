/// Tails of what an attempt's processes wrote; read from the workspace, which is on
/// a shared file system.
#pragma once

#include "base/file_system.h"
#include "base/status.h"
#include "coordinator/core/core.h"
#include "coordinator/wire/client_messages.h"

namespace tagalign::service {

/// wire::log_folder() of the job.
Path log_folder(const core::Workflow& workflow, const core::Job& job, Attempt attempt);

/// The last request.tail_bytes (at most limits::kLogTailBytesMax) of each file asked for. kNotFound
/// when the attempt has no logs yet; the message names the folder.
Result<wire::JobLogReply> read_job_log(FileSystem& files, const core::Workflow& workflow,
                                       const core::Job& job, const wire::JobLogRequest& request);

}  // namespace tagalign::service
