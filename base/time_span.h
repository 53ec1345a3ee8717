/// Lengths of time as people write them. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"

namespace tagalign {

/// Milliseconds of "8h", "90m", "1h30m", "45s", "2d", or "1-02:03:04" and "02:03:04" as Slurm writes
/// them. kInvalidArgument names `option`. A bare number is refused: Slurm takes it for minutes,
/// other programs for seconds.
Result<std::int64_t> parse_span(std::string_view option, std::string_view text);
/// "1h30m", "45s", …: what parse_span() takes.
std::string format_span(std::int64_t duration_ms);

}  // namespace tagalign
