/// A configuration text as a tree that remembers where each part was written. The YAML
/// library stays behind yaml.h.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace tagalign::config {

/// Where something was written: a file and its line (from 1), or an override (line 0).
struct Origin {
  std::string file;
  int line = 0;

  /// "demo.yml:12", or "--set steps=5".
  std::string to_string() const;
};

struct Entry;

struct Node {
  enum class Kind : std::uint8_t { kNull, kScalar, kList, kMap };

  Kind kind = Kind::kNull;
  Origin origin;
  std::string scalar;   ///< as written, quotes removed
  bool quoted = false;  ///< "5" is text, 5 is a number
  std::vector<Node> items;
  std::vector<Entry> entries;  ///< in the order of the file; keys are unique

  const Node* find(std::string_view key) const;
  Node* find(std::string_view key);
  /// "a map", "a list", "nothing", or the scalar: what an error says was found.
  std::string describe() const;
};

struct Entry {
  std::string key;
  Origin origin;
  Node value;
};

/// Equal contents; origins do not count.
bool same_contents(const Node& a, const Node& b);

/// `over` wins; maps are merged key by key, everything else is replaced.
void merge_into(Node& base, const Node& over);

/// Applies one "key.path=value". kInvalidArgument names the override and what is wrong with it.
Status apply_override(Node& root, const std::string& text);

/// Puts `value` at "a.b.0.c"; maps that are missing on the way are made, and the index after a
/// list's last appends. Where a map has a key that holds dots, the longest that fits is taken.
/// kInvalidArgument names the value's origin.
Status set_at(Node& root, std::string_view path, Node value);

/// The origin of "a.b.0.c", read as set_at() reads it, or of the nearest enclosing part that was written at all.
Origin locate(const Node& root, std::string_view path);

/// What is wrong with a document; every problem is found before any is reported.
class Problems {
 public:
  void add(const Origin& origin, const std::string& message);
  void add(const Status& status) { lines_.push_back(status.message()); }  ///< names its origin
  void append(const Problems& others);
  bool empty() const { return lines_.empty(); }
  /// ok, or kInvalidArgument with at most 20 lines.
  Status to_status() const;

 private:
  std::vector<std::string> lines_;
};

/// The known name with the smallest edit distance, when it is near enough to be a slip; else "".
std::string nearest_name(std::string_view name, const std::vector<std::string>& known);

/// "unknown key 'windw' …; did you mean 'window'?", or the list of what is known.
std::string unknown_name(std::string_view what, std::string_view name,
                         const std::vector<std::string>& known);

}  // namespace tagalign::config
