/// How a configuration says what to run: a command and its environment, as values of keys.
///
/// Both are read and written like every other value of binder.h. Plain values.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "configs/schema/document/document.h"
#include "configs/schema/document/rule.h"

namespace tagalign::config {

/// A list of words, program first; or one text for `/bin/sh -c`.
struct Command {
  std::vector<std::string> words;  ///< where `by_shell`: the text alone
  bool by_shell = false;
  bool operator==(const Command&) const = default;
};

/// Variables by name.
using Environment = std::map<std::string, std::string>;

void read_value(const Node& node, const std::string& path, const Rule& rule, Problems& problems,
                Command& value);
void read_value(const Node& node, const std::string& path, const Rule& rule, Problems& problems,
                Environment& value);
bool is_empty_value(const Command& command);
Node to_node(const Command& value);
Node to_node(const Environment& value);

}  // namespace tagalign::config
