/// The cores that a rank runs on: those nearest to its GPU, as its agent has found them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace tagalign::jobs {

/// Numbers of a list as Linux writes it: "0-3,8". kInvalidArgument for anything else.
Result<std::vector<int>> parse_core_list(std::string_view text);

/// Binds this process, and the threads that it starts from now on, to entry `device` of `lists`,
/// which has one core list for each visible GPU, separated by ';' (TAGALIGN_GPU_CORES). Returns that
/// list; nullopt when there is none, or when this process may use none of its cores.
std::optional<std::string> bind_near(const std::string& lists, int device);

}  // namespace tagalign::jobs
