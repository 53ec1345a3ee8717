/// The frozen CLIP of the golden data that all methods share, for the groups of a method.
#pragma once

#include <memory>

#include "model/clip/tokenizer.h"
#include "model/clip/towers.h"
#include "model/methods/method.h"
#include "tests/golden/check/folder.h"
#include "tests/golden/check/report.h"

namespace tagalign::golden {

struct Clip {
  std::unique_ptr<Folder> base;  ///< the shared golden data
  model::VisionTower vision;
  model::TextTower text;
  model::Tokenizer tokenizer;

  model::Materials materials() const;
};
/// Of base_folder(); nullptr after a line.
std::unique_ptr<Clip> load_clip(Folder& folder, Report& report);

}  // namespace tagalign::golden
