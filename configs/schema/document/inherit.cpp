#include "configs/schema/document/inherit.h"

#include <algorithm>

#include "base/format.h"
#include "base/limits.h"
#include "configs/schema/document/yaml.h"

namespace tagalign::config {
namespace {

constexpr std::string_view kBaseKey = "_base_";

Status check_root(const Node& root, const std::string& name) {
  if (root.kind == Node::Kind::kNull) {
    return invalid_argument(name + ": expected a map of keys, found an empty file");
  }
  if (root.kind != Node::Kind::kMap) {
    return invalid_argument(format("{}: expected a map of keys at the top, found {}",
                                   root.origin.to_string(), root.describe()));
  }
  return ok_status();
}

class Inheriter {
 public:
  explicit Inheriter(FileSystem& files) : files_(files) {}

  Result<Node> load(const Path& file) {
    TA_ASSIGN_OR_RETURN(const std::string text,
                        files_.read_file(file, limits::kConfigFileBytesMax));
    TA_ASSIGN_OR_RETURN(Node root, parse_yaml(text, file.string()));
    TA_RETURN_IF_ERROR(check_root(root, file.string()));
    chain_.push_back(file.lexically_normal());
    TA_RETURN_IF_ERROR(resolve(root, file.parent_path()));
    chain_.pop_back();
    return root;
  }

  /// Replaces each `_base_` in `node` and below by what it names.
  Status resolve(Node& node, const Path& folder) {
    for (Node& item : node.items) TA_RETURN_IF_ERROR(resolve(item, folder));
    for (Entry& entry : node.entries) {
      if (entry.key != kBaseKey) TA_RETURN_IF_ERROR(resolve(entry.value, folder));
    }
    const auto base = std::ranges::find(node.entries, kBaseKey, &Entry::key);
    if (base == node.entries.end()) return ok_status();
    const Node names = std::move(base->value);
    node.entries.erase(base);
    TA_ASSIGN_OR_RETURN(Node merged, load_bases(names, folder));
    merge_into(merged, node);
    node = std::move(merged);
    return ok_status();
  }

 private:
  Result<Node> load_bases(const Node& names, const Path& folder) {
    std::vector<Node> list = names.items;
    if (names.kind == Node::Kind::kScalar) list = {names};
    Node merged;
    merged.kind = Node::Kind::kMap;
    if (list.empty()) return wrong_names(names);
    for (const Node& name : list) {
      if (name.kind != Node::Kind::kScalar || name.scalar.empty()) return wrong_names(name);
      TA_RETURN_IF_ERROR(check_cycle(name, folder / name.scalar));
      Result<Node> base = load(folder / name.scalar);
      if (!base.ok()) return base.status().with_context(name.origin.to_string() + ": _base_");
      merge_into(merged, *base);
    }
    return merged;
  }

  static Status wrong_names(const Node& node) {
    return invalid_argument(format("{}: _base_: expected a file name or a list of them, found {}",
                                   node.origin.to_string(), node.describe()));
  }

  Status check_cycle(const Node& name, const Path& file) const {
    const auto first = std::ranges::find(chain_, file.lexically_normal());
    if (first == chain_.end()) return ok_status();
    std::string circle;
    for (auto link = first; link != chain_.end(); ++link) circle += link->string() + " → ";
    return invalid_argument(format("{}: _base_ goes in a circle: {}{}", name.origin.to_string(),
                                   circle, file.lexically_normal().string()));
  }

  FileSystem& files_;
  std::vector<Path> chain_;  ///< files being loaded, outermost first
};

Status refuse_bases(const Node& node) {
  for (const Node& item : node.items) TA_RETURN_IF_ERROR(refuse_bases(item));
  for (const Entry& entry : node.entries) {
    if (entry.key == kBaseKey) {
      return invalid_argument(entry.origin.to_string() +
                              ": _base_ needs a file to be relative to, and this text is none; "
                              "write the keys out (tagalign submit --dry-run prints them)");
    }
    TA_RETURN_IF_ERROR(refuse_bases(entry.value));
  }
  return ok_status();
}

}  // namespace

Result<Node> read_document(FileSystem& files, const Path& file) {
  return Inheriter(files).load(file);
}

Result<Node> read_text(const std::string& text, const std::string& name) {
  TA_ASSIGN_OR_RETURN(Node root, parse_yaml(text, name));
  TA_RETURN_IF_ERROR(check_root(root, name));
  TA_RETURN_IF_ERROR(refuse_bases(root));
  return root;
}

}  // namespace tagalign::config
