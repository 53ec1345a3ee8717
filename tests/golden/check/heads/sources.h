/// What the groups of the heads share: lists of classes.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tests/golden/check/folder.h"
#include "tests/golden/check/frozen_clip.h"

namespace tagalign::golden::heads {

/// The lines of classes/LIST.txt; a line break at the end begins none. nullopt after a line.
std::optional<std::vector<std::string>> class_lines(Folder& folder, const std::string& list);
std::vector<std::string> lines_of(const std::string& text);

}  // namespace tagalign::golden::heads
