/// The halves of group preprocess: images, and label ids.
#pragma once

#include "tests/golden/check/folder.h"
#include "tests/golden/check/report.h"

namespace tagalign::golden {

/// reduce_zero_label and the table of COCO-Object, for all ids.
void compare_label_ids(Folder& folder, Report& report);
/// ImageNet-S: ids of RGB labels, sizes of large images, enlarged predictions.
void compare_imagenets(Folder& folder, Report& report);

}  // namespace tagalign::golden
