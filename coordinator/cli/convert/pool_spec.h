/// What people write about pools, and how it is written back.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"
#include "coordinator/wire/pool_messages.h"

namespace tagalign::cli {

/// "HOST", "USER@HOST" or "HOST:SLOTS".
Result<wire::SshHost> parse_ssh_host(std::string_view text);

/// The pool in a line: "slurm, partition gpu, 2 nodes of 4 GPUs for 8h, 1 waiting and 4 at most".
std::string describe(const wire::PoolSpec& spec);

}  // namespace tagalign::cli
