/// What the segmentors of the heads compute: texts, cosines, class values, label maps of METHOD.json.
#pragma once

#include <string>

#include "configs/schema/methods/methods.h"
#include "tests/golden/check/folder.h"
#include "tests/golden/check/heads/sources.h"
#include "tests/golden/check/report.h"

namespace tagalign::golden::heads {

void compare_runs(Folder& folder, const Clip& clip, const std::string& method, Report& report);
/// Of a method whose section needs more than its runs say: they change `section`.
void compare_runs(Folder& folder, const Clip& clip, const std::string& method,
                  const config::EvaluationMethod& section, Report& report);

}  // namespace tagalign::golden::heads
