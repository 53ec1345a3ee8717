/// The group of ResCLIP: what its two passes compute, the feedback between them, and the runs of
/// its authors' segmentor, on a deeper image encoder beside the text tower of the shared data.
#pragma once

#include "tests/golden/check/folder.h"
#include "tests/golden/check/report.h"

namespace tagalign::golden::resclip {

void check_resclip(Folder& folder, Report& report);

}  // namespace tagalign::golden::resclip
