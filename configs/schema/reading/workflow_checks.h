/// What the jobs of a workflow file say of each other: names that exist, no circles, kinds that can
/// follow checkpoints, folders of their own. Internal to configs/schema. Pure.
#pragma once

#include <string>
#include <vector>

#include "configs/schema/document/document.h"
#include "configs/schema/reading/workflow.h"

namespace tagalign::config {

/// What messages say of it.
struct WorkflowFile {
  Node root;                       ///< its sweeps unfolded
  std::vector<std::string> names;  ///< of the jobs that are written
};

void check_references(const Workflow& workflow, const WorkflowFile& file, Problems& problems);

}  // namespace tagalign::config
