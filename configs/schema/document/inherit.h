/// Reading a configuration file with everything that it inherits from.
#pragma once

#include "base/file_system.h"
#include "configs/schema/document/document.h"

namespace tagalign::config {

/// The file's tree with each `_base_` resolved (load.h describes how). Refuses cycles, naming the
/// files of the circle; an empty file; a file whose root is not a map.
Result<Node> read_document(FileSystem& files, const Path& file);

/// The tree of a text; any `_base_` is refused.
Result<Node> read_text(const std::string& text, const std::string& name);

}  // namespace tagalign::config
