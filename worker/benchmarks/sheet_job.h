/// tagalign-worker sheet: a picture to look at: rows of image | truth | one
/// column per prediction folder.
#pragma once

#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/status.h"

namespace tagalign::jobs {

struct SheetOptions {
  Path dataset;  ///< segmentation layout: images/, labels/, classes.txt
  /// Folders of label maps as evaluate keeps them (save_predictions).
  std::vector<Path> predictions;
  int rows = 8;
  Path output;  ///< PNG
};
/// Needs as many predictions as rows; kNotFound names the first that is missing.
Status write_sheet(FileSystem& files, const SheetOptions& options);

}  // namespace tagalign::jobs
