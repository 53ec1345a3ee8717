/// The group of golden_check for CLIP Surgery, on a folder with the layout of golden-methods/heads.
/// The CLIP and the vocabulary are those of the folder of golden data that lies beside it.
#pragma once

#include "tests/golden/check/folder.h"
#include "tests/golden/check/report.h"

namespace tagalign::golden::clip_surgery {

void check_clip_surgery(Folder& folder, Report& report);

}  // namespace tagalign::golden::clip_surgery
