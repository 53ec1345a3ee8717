/// Names in FOLDER/pins: which checkpoints are in use, and by whom. See format.md.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/file_system.h"
#include "base/status.h"

namespace tagalign::checkpoint {

/// Letters, digits, '-' and '_', at least one and at most 64.
bool is_pin_owner(std::string_view owner);
/// FOLDER/pins/step-00001200.OWNER.
Path pin_path(const Path& folder, std::uint64_t step, std::string_view owner);

using Pins = std::map<std::uint64_t, std::vector<std::string>>;  ///< step → owners, ascending
/// Empty where nothing was ever pinned.
Result<Pins> read_pins(FileSystem& files, const Path& folder);

}  // namespace tagalign::checkpoint
