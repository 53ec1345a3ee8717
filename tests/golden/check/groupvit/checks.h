/// The groups of GroupViT's golden data.
#pragma once

#include "tests/golden/check/folder.h"
#include "tests/golden/check/report.h"

namespace tagalign::golden::groupvit {

void check_text(Folder& folder, Report& report);
void check_weights(Folder& folder, Report& report);
void check_images(Folder& folder, Report& report);
void check_inference(Folder& folder, Report& report);
void check_training(Folder& folder, Report& report);
void check_checkpoints(Folder& folder, Report& report);

}  // namespace tagalign::golden::groupvit
