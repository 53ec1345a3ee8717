/// Slurm's way to write durations, as sbatch(1) --time and squeue(1) describe it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"

namespace tagalign::slurm {

/// Seconds of "M", "M:S", "H:M:S", "D-H", "D-H:M" or "D-H:M:S", fractions of a second left out; nullopt
/// for what squeue and sacct write where there is no limit or no time: UNLIMITED, NOT_SET, INVALID,
/// Partition_Limit, N/A, NONE, Unknown.
Result<std::optional<std::int64_t>> parse_duration(std::string_view text);
/// "1-02:03:04", or "02:03:04" below a day.
std::string format_duration(std::int64_t seconds);

}  // namespace tagalign::slurm
