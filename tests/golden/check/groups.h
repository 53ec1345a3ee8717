/// The groups of golden_check. A group is a function in check_<name>.cpp: it reads its files from
/// the folder and adds lines to the report; it takes sizes and names from the files alone. A new
/// group is a row here and a source file in CMakeLists.txt.
#pragma once

#include "tests/golden/check/folder.h"
#include "tests/golden/check/report.h"

namespace tagalign::golden {

using CheckGroup = void(Folder& folder, Report& report);
CheckGroup check_clip;
CheckGroup check_projector;
CheckGroup check_losses;
CheckGroup check_training;
CheckGroup check_checkpoints;
CheckGroup check_inference;
CheckGroup check_evaluation;
CheckGroup check_preprocess;
CheckGroup check_augmentation;
CheckGroup check_tokenizer;

struct Group {
  const char* name;  ///< also its folder below the golden folder
  CheckGroup* check;
};

// clang-format off: one row a line
inline constexpr Group kGroups[] = {
    {"clip", check_clip},
    {"projector", check_projector},
    {"losses", check_losses},
    {"training", check_training},
    {"checkpoints", check_checkpoints},
    {"inference", check_inference},
    {"evaluation", check_evaluation},
    {"preprocess", check_preprocess},
    {"augmentation", check_augmentation},
    {"tokenizer", check_tokenizer},
};
// clang-format on

}  // namespace tagalign::golden
