/// Whether an exec job has left what it promised to.
#pragma once

#include <string>
#include <vector>

#include "base/file_system.h"

namespace tagalign::exec {

/// Those of `patterns` that nothing fits: files or folders, relative to `workspace`; * and ? stand for
/// characters of one name, and a file that is named so is found too.
std::vector<std::string> missing_outputs(const std::vector<std::string>& patterns,
                                         const Path& workspace);

}  // namespace tagalign::exec
