/// What people write about pools, and how it is written back.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"
#include "coordinator/wire/pool_messages.h"

namespace tagalign::cli {

/// Milliseconds of "8h", "90m", "1h30m", "45s", "2d", or "1-02:03:04" and "02:03:04" as Slurm writes
/// them. kInvalidArgument names `option`. A bare number is refused: Slurm takes it for minutes,
/// other programs for seconds.
Result<std::int64_t> parse_span(std::string_view option, std::string_view text);
/// "1h30m", "45s", …: what parse_span() takes.
std::string format_span(std::int64_t duration_ms);

/// "HOST", "USER@HOST" or "HOST:SLOTS".
Result<wire::SshHost> parse_ssh_host(std::string_view text);

/// The pool in a line: "slurm, partition gpu, 2 nodes of 4 GPUs for 8h, 1 waiting and 4 at most".
std::string describe(const wire::PoolSpec& spec);

}  // namespace tagalign::cli
