#include "configs/schema/document/document.h"

#include <algorithm>
#include <charconv>
#include <numeric>
#include <optional>

#include "base/format.h"
#include "configs/schema/document/yaml.h"

namespace tagalign::config {
namespace {

constexpr std::size_t kProblemsShownMax = 20;

/// The first key of a path, and what follows its dot.
struct FirstKey {
  std::string key;
  std::optional<std::string_view> rest;  ///< nullopt: the path ends here
};

/// It ends at the first dot, or later where `node` has such a key: that of a job may hold dots, and
/// that of a sweep is a path.
FirstKey first_key(const Node& node, std::string_view path) {
  std::size_t size = std::min(path.find('.'), path.size());
  for (const Entry& entry : node.entries) {
    const std::size_t length = entry.key.size();
    const bool is_whole = length == path.size() || (length < path.size() && path[length] == '.');
    if (length > size && is_whole && path.starts_with(entry.key)) size = length;
  }
  FirstKey first{std::string(path.substr(0, size)), std::nullopt};
  if (size < path.size()) first.rest = path.substr(size + 1);
  return first;
}

std::optional<std::size_t> parse_index(const std::string& text) {
  std::size_t index = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, index);
  if (error != std::errc() || stop != end) return std::nullopt;
  return index;
}

/// The child `part` of `node`, made when a map lacks it.
Result<Node*> descend(Node& node, const std::string& part, const Origin& origin) {
  if (node.kind == Node::Kind::kList) {
    const auto index = parse_index(part);
    if (!index || *index > node.items.size()) {
      return invalid_argument(format("{}: expected an index 0…{} of the list, found '{}'",
                                     origin.to_string(), node.items.size(), part));
    }
    if (*index == node.items.size()) node.items.emplace_back().origin = origin;
    return &node.items[*index];
  }
  if (node.kind == Node::Kind::kScalar) {
    return invalid_argument(format("{}: '{}' cannot be set inside {}, which is not a map",
                                   origin.to_string(), part, node.describe()));
  }
  node.kind = Node::Kind::kMap;
  if (Node* child = node.find(part)) return child;
  Entry& entry = node.entries.emplace_back(Entry{part, origin, {}});
  entry.value.origin = origin;
  return &entry.value;
}

void set_origin(Node& node, const Origin& origin) {
  node.origin = origin;
  for (Node& item : node.items) set_origin(item, origin);
  for (Entry& entry : node.entries) {
    entry.origin = origin;
    set_origin(entry.value, origin);
  }
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t substituted = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({substituted, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row.back();
}

}  // namespace

std::string Origin::to_string() const {
  return line > 0 ? format("{}:{}", file, line) : file;
}

const Node* Node::find(std::string_view key) const {
  for (const Entry& entry : entries) {
    if (entry.key == key) return &entry.value;
  }
  return nullptr;
}

Node* Node::find(std::string_view key) {
  return const_cast<Node*>(static_cast<const Node*>(this)->find(key));
}

std::string Node::describe() const {
  switch (kind) {
    case Kind::kNull:
      return "nothing";
    case Kind::kScalar:
      return quoted ? format("the text \"{}\"", scalar) : format("'{}'", scalar);
    case Kind::kList:
      return "a list";
    case Kind::kMap:
      return "a map";
  }
  return "nothing";
}

bool same_contents(const Node& a, const Node& b) {
  return a.kind == b.kind && a.scalar == b.scalar &&
         std::ranges::equal(a.items, b.items, same_contents) &&
         std::ranges::equal(a.entries, b.entries, [](const Entry& x, const Entry& y) {
           return x.key == y.key && same_contents(x.value, y.value);
         });
}

void merge_into(Node& base, const Node& over) {
  if (base.kind != Node::Kind::kMap || over.kind != Node::Kind::kMap) {
    base = over;
    return;
  }
  base.origin = over.origin;
  for (const Entry& entry : over.entries) {
    if (Node* known = base.find(entry.key)) {
      merge_into(*known, entry.value);
    } else {
      base.entries.push_back(entry);
    }
  }
}

Status apply_override(Node& root, const std::string& text) {
  const Origin origin{"--set " + text, 0};
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0) {
    return invalid_argument(origin.to_string() + ": expected key.path=value");
  }
  Node value;
  if (equals + 1 == text.size()) {
    value.kind = Node::Kind::kScalar;
    value.quoted = true;
  } else {
    TA_ASSIGN_OR_RETURN(value, parse_yaml(text.substr(equals + 1), origin.file));
  }
  set_origin(value, origin);
  return set_at(root, std::string_view(text).substr(0, equals), std::move(value));
}

Status set_at(Node& root, std::string_view path, Node value) {
  const Origin origin = value.origin;
  Node* node = &root;
  for (std::optional<std::string_view> rest = path; rest;) {
    const FirstKey first = first_key(*node, *rest);
    if (first.key.empty())
      return invalid_argument(origin.to_string() + ": a part of the key path is empty");
    TA_ASSIGN_OR_RETURN(node, descend(*node, first.key, origin));
    rest = first.rest;
  }
  *node = std::move(value);
  return ok_status();
}

Origin locate(const Node& root, std::string_view path) {
  const Node* node = &root;
  Origin origin = root.origin;
  for (std::optional<std::string_view> rest = path; rest;) {
    const FirstKey first = first_key(*node, *rest);
    const auto index = parse_index(first.key);
    if (node->kind == Node::Kind::kList && index && *index < node->items.size()) {
      node = &node->items[*index];
    } else if (const Node* child = node->find(first.key)) {
      node = child;
    } else {
      return origin;
    }
    origin = node->origin;
    rest = first.rest;
  }
  return origin;
}

void Problems::add(const Origin& origin, const std::string& message) {
  lines_.push_back(origin.to_string() + ": " + message);
}

void Problems::append(const Problems& others) {
  lines_.insert(lines_.end(), others.lines_.begin(), others.lines_.end());
}

Status Problems::to_status() const {
  if (lines_.empty()) return ok_status();
  std::string text;
  for (std::size_t i = 0; i < std::min(lines_.size(), kProblemsShownMax); ++i) {
    text += (i == 0 ? "" : "\n") + lines_[i];
  }
  if (lines_.size() > kProblemsShownMax) {
    text += format("\nand {} more", lines_.size() - kProblemsShownMax);
  }
  return invalid_argument(text);
}

std::string nearest_name(std::string_view name, const std::vector<std::string>& known) {
  std::string best;
  std::size_t best_distance = std::max<std::size_t>(2, name.size() / 3) + 1;
  for (const std::string& candidate : known) {
    const std::size_t distance = edit_distance(name, candidate);
    if (distance < best_distance && distance < candidate.size()) {
      best = candidate;
      best_distance = distance;
    }
  }
  return best;
}

std::string unknown_name(std::string_view what, std::string_view name,
                         const std::vector<std::string>& known) {
  const std::string near = nearest_name(name, known);
  if (!near.empty()) return format("unknown {} '{}'; did you mean '{}'?", what, name, near);
  return format("unknown {} '{}'; known: {}", what, name, fmt::join(known, ", "));
}

}  // namespace tagalign::config
