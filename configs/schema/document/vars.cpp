#include "configs/schema/document/vars.h"

#include <algorithm>
#include <map>

#include "base/format.h"

namespace tagalign::config {
namespace {

using Values = std::map<std::string, Node>;

std::vector<std::string> names_of(const Values& values) {
  std::vector<std::string> names;
  for (const auto& [name, value] : values) names.push_back(name);
  return names;
}

Values read_values(const Node& vars, Problems& problems) {
  Values values;
  if (vars.kind != Node::Kind::kMap && vars.kind != Node::Kind::kNull) {
    problems.add(vars.origin, format("vars: expected a map of names, found {}", vars.describe()));
  }
  for (const Entry& entry : vars.entries) {
    values[entry.key] = entry.value;
    if (entry.value.kind == Node::Kind::kNull) {
      problems.add(entry.origin,
                   format("the variable '{}' needs a value: give it with --set vars.{}=VALUE",
                          entry.key, entry.key));
    } else if (entry.value.kind != Node::Kind::kScalar) {
      problems.add(entry.origin, format("vars.{}: expected a text or number, found {}", entry.key,
                                        entry.value.describe()));
    }
  }
  return values;
}

/// One pass over `text`: values are not searched for variables again.
std::string substitute(const Node& node, const Values& values, Problems& problems) {
  const std::string& text = node.scalar;
  std::string out;
  std::size_t from = 0;
  while (true) {
    const std::size_t at = text.find("${", from);
    if (at == std::string::npos) return out + text.substr(from);
    if (at > from && text[at - 1] == '$') {
      out += text.substr(from, at - 1 - from) + "${";
      from = at + 2;
      continue;
    }
    out += text.substr(from, at - from);
    const std::size_t end = text.find('}', at);
    const std::string name = text.substr(at + 2, end - at - 2);
    if (end == std::string::npos) {
      problems.add(node.origin,
                   format("expected }} after ${{ in '{}' ($${{ stands for ${{ itself)", text));
      return text;
    }
    const auto value = values.find(name);
    if (value == values.end()) {
      problems.add(node.origin,
                   values.empty() ? format("'{}' uses the variable '{}', and there is no vars: map",
                                           text, name)
                                  : unknown_name("variable", name, names_of(values)));
      return text;
    }
    out += value->second.scalar;
    from = end + 1;
  }
}

void substitute_below(Node& node, const Values& values, Problems& problems) {
  if (node.kind == Node::Kind::kScalar && node.scalar.find("${") != std::string::npos) {
    // "${steps}" alone stands for the value itself, so that a number stays one between quotes.
    const auto whole = values.find(node.scalar.substr(2, node.scalar.size() - 3));
    if (whole != values.end() && node.scalar == "${" + whole->first + "}") {
      node.quoted = whole->second.quoted;
    }
    node.scalar = substitute(node, values, problems);
  }
  for (Node& item : node.items) substitute_below(item, values, problems);
  for (Entry& entry : node.entries) substitute_below(entry.value, values, problems);
}

}  // namespace

void substitute_vars(Node& root, Problems& problems) {
  Values values;
  const auto vars = std::ranges::find(root.entries, "vars", &Entry::key);
  if (vars != root.entries.end()) {
    values = read_values(vars->value, problems);
    root.entries.erase(vars);
  }
  substitute_below(root, values, problems);
}

}  // namespace tagalign::config
