/// The group of ProxyCLIP: DINO's features, the attention that they give, what CLIP's last block
/// makes of it, and the runs of its authors' segmentor.
#pragma once

#include "tests/golden/check/folder.h"
#include "tests/golden/check/report.h"

namespace tagalign::golden::proxyclip {

void check_proxyclip(Folder& folder, Report& report);

}  // namespace tagalign::golden::proxyclip
