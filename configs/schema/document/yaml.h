/// YAML in and out; yaml-cpp is included by yaml.cpp alone.
#pragma once

#include <string>

#include "base/status.h"
#include "configs/schema/document/document.h"

namespace tagalign::config {

/// `name` stands in every origin. Merge keys (`<<`) are resolved: what stands under them is not
/// merged deeper than one level, as Python's readers do. Refuses several documents, duplicate keys, keys that
/// are not scalars, and texts that unfold (through aliases) to more than 100,000 nodes or
/// nest deeper than 64.
Result<Node> parse_yaml(const std::string& text, const std::string& name);

/// Block style; scalars are quoted where `quoted` is set and the text needs it.
std::string emit_yaml(const Node& node);

}  // namespace tagalign::config
