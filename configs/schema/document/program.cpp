#include "configs/schema/document/program.h"

#include <algorithm>

#include "base/format.h"
#include "configs/schema/document/binder.h"

namespace tagalign::config {

void read_value(const Node& node, const std::string& path, const Rule& rule, Problems& problems,
                Command& value) {
  if (node.kind == Node::Kind::kScalar) {
    value = {{node.scalar}, true};
  } else if (node.kind == Node::Kind::kList) {
    value.by_shell = false;
    read_value(node, path, rule, problems, value.words);
  } else {
    problems.add(node.origin,
                 format("{}: expected a list of words, or one text for the shell, found {}", path,
                        node.describe()));
  }
}

void read_value(const Node& node, const std::string& path, const Rule& rule, Problems& problems,
                Environment& value) {
  if (node.kind != Node::Kind::kMap) {
    return problems.add(node.origin, format("{}: expected a map of variables to texts, found {}",
                                            path, node.describe()));
  }
  value.clear();
  for (const Entry& entry : node.entries)
    read_value(entry.value, format("{}.{}", path, entry.key), rule, problems, value[entry.key]);
}

bool is_empty_value(const Command& command) {
  return std::ranges::all_of(command.words, &std::string::empty);
}

Node to_node(const Command& value) {
  if (value.by_shell || value.words.empty())
    return to_node(value.words.empty() ? std::string() : value.words.front());
  return to_node(value.words);
}

Node to_node(const Environment& value) {
  Node node;
  node.kind = Node::Kind::kMap;
  for (const auto& [name, text] : value) node.entries.push_back({name, {}, to_node(text)});
  return node;
}

}  // namespace tagalign::config
