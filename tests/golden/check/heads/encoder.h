/// What the image encoders of the heads compute: METHOD/encoder.safetensors.
#pragma once

#include <string>

#include "model/clip/towers.h"
#include "tests/golden/check/folder.h"
#include "tests/golden/check/report.h"

namespace tagalign::golden::heads {

/// Tokens that enter the last block, its attention, the features and the resized positions, of every
/// variant that the file names. `base` holds the inputs that it does not.
void compare_encoder(Folder& folder, Folder& base, const std::string& method,
                     const model::VisionTower& vision, Report& report);

}  // namespace tagalign::golden::heads
