/// The groups of the training-free heads: a folder of the golden data each.
#pragma once

#include "tests/golden/check/folder.h"
#include "tests/golden/check/report.h"

namespace tagalign::golden::heads {

void check_sclip(Folder& folder, Report& report);
void check_naclip(Folder& folder, Report& report);
void check_clearclip(Folder& folder, Report& report);
void check_maskclip(Folder& folder, Report& report);

}  // namespace tagalign::golden::heads
