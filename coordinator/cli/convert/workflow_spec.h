/// A checked workflow file as the coordinator takes it.
#pragma once

#include "base/file_system.h"
#include "configs/schema/reading/workflow.h"
#include "coordinator/wire/messages.h"

namespace tagalign::cli {

/// `workspace` must be absolute.
wire::WorkflowSpec to_spec(const config::Workflow& workflow, const Path& workspace);

}  // namespace tagalign::cli
