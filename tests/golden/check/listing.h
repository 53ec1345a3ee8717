/// tensors.tsv of the golden folder: every tensor of every file, with type and shape.
#pragma once

#include <string>

#include "tests/golden/check/folder.h"
#include "tests/golden/check/report.h"

namespace tagalign::golden {

/// Lines for what the list has below the folder of `group` and the folder has not, or has
/// otherwise: MISSING for a file (once, unless SUBSET leaves it out) or tensor, OUT for
/// another type or shape. One line says how many tensors were looked for. Nothing when the
/// folder has no list.
void compare_listing(Folder& folder, const std::string& group, Report& report);

}  // namespace tagalign::golden
