/// What a job of kind exec must satisfy beside its own keys: how its ranks and its command
/// fit together. Internal to configs/schema/reading.
#pragma once

#include "configs/schema/document/document.h"
#include "configs/schema/reading/workflow.h"

namespace tagalign::config {

/// Ranks of `job`, whose map is `written`: none for an exec job that asks for none, which is one
/// plain process; at least one for every other kind. Says so in `config`.
void settle_ranks(const Entry& written, WorkflowJob& job, Node& config, Problems& problems);

/// A command that names a checkpoint needs one.
void check_checkpoint_word(const WorkflowJob& job, const Origin& origin, Problems& problems);

}  // namespace tagalign::config
