/// The groups of golden_check for TCL, on a folder with the layout of golden-methods/tcl. The CLIP
/// and the vocabulary are those of the folder of golden data that lies beside it (base_folder()).
#pragma once

#include "tests/golden/check/folder.h"
#include "tests/golden/check/report.h"

namespace tagalign::golden::tcl {

void check_pamr(Folder& folder, Report& report);
void check_masker(Folder& folder, Report& report);
void check_losses(Folder& folder, Report& report);
void check_training(Folder& folder, Report& report);
void check_checkpoints(Folder& folder, Report& report);
void check_inference(Folder& folder, Report& report);
void check_evaluation(Folder& folder, Report& report);

}  // namespace tagalign::golden::tcl
