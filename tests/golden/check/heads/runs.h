/// What the segmentors of the heads compute: texts, cosines, class values, label maps of METHOD.json.
#pragma once

#include <string>

#include "tests/golden/check/folder.h"
#include "tests/golden/check/heads/sources.h"
#include "tests/golden/check/report.h"

namespace tagalign::golden::heads {

void compare_runs(Folder& folder, const Clip& clip, const std::string& method, Report& report);

}  // namespace tagalign::golden::heads
