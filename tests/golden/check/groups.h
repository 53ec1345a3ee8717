/// The groups of golden_check. A group is a function in check_<name>.cpp: it reads its files from
/// the folder and adds lines to the report; it takes sizes and names from the files alone. A new
/// group is a declaration and a row here, and a source file in CMakeLists.txt.
#pragma once

#include "tests/golden/check/folder.h"
#include "tests/golden/check/report.h"

namespace tagalign::golden {

void check_clip(Folder& folder, Report& report);

struct Group {
  const char* name;  ///< also its folder below the golden folder
  void (*check)(Folder&, Report&);
};

inline constexpr Group kGroups[] = {
    {"clip", check_clip},         {"projector", check_projector},     {"training", check_training}, {"checkpoints", check_checkpoints},
};

}  // namespace tagalign::golden
