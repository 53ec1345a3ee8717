/// Slurm's host list expressions ("scontrol show hostnames" without the program).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace tagalign::slurm {

/// "node[01-03,07],login1" → node01, node02, node03, node07, login1; several brackets in a name
/// multiply. kInvalidArgument for unbalanced brackets, bad ranges and more than 65,536 names.
Result<std::vector<std::string>> expand_node_list(std::string_view text);

}  // namespace tagalign::slurm
