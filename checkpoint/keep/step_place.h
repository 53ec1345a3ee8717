/// A step folder's path, taken apart.
#pragma once

#include <cstdint>

#include "base/file_system.h"
#include "base/status.h"

namespace tagalign::checkpoint {

struct StepPlace {
  Path folder;
  std::uint64_t step = 0;

  Path path() const;
};

/// kInvalidArgument for a path that does not end in a step's name.
Result<StepPlace> place_of(const Path& step_folder);

}  // namespace tagalign::checkpoint
