/// What the groups of the heads share: the frozen CLIP of the shared golden data, lists of classes.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/clip/tokenizer.h"
#include "model/clip/towers.h"
#include "model/methods/method.h"
#include "tests/golden/check/folder.h"
#include "tests/golden/check/report.h"

namespace tagalign::golden::heads {

struct Clip {
  std::unique_ptr<Folder> base;  ///< the shared golden data
  model::VisionTower vision;
  model::TextTower text;
  model::Tokenizer tokenizer;

  model::Materials materials() const;
};
/// nullptr after a line.
std::unique_ptr<Clip> load_clip(Folder& folder, Report& report);

/// The lines of classes/LIST.txt; a line break at the end begins none. nullopt after a line.
std::optional<std::vector<std::string>> class_lines(Folder& folder, const std::string& list);
std::vector<std::string> lines_of(const std::string& text);

}  // namespace tagalign::golden::heads
