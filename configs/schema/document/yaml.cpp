#include "configs/schema/document/yaml.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cctype>
#include <sstream>

#include "base/format.h"
#include "base/utf8.h"

namespace tagalign::config {
namespace {

constexpr int kNodesMax = 100'000;
constexpr int kDepthMax = 64;
constexpr std::size_t kBytesShown = 60;

/// A text whatever it looks like: between quotes, a block, or tagged so.
bool is_text(const YAML::Node& scalar) {
  return scalar.Tag() == "!" || scalar.Tag() == "tag:yaml.org,2002:str";
}

/// YAML's merge key, as every reader of configurations in Python has it. Between quotes it is a
/// name like any other.
bool is_merge(const YAML::Node& key) {
  return key.IsScalar() && key.Scalar() == "<<" && !is_text(key);
}

/// Copies a yaml-cpp tree, counting nodes because aliases can unfold without bound.
class Copier {
 public:
  explicit Copier(std::string name) : name_(std::move(name)) {}

  Status copy(const YAML::Node& from, Node& to, int depth) {
    to.origin = origin(from);
    if (++nodes_ > kNodesMax || depth > kDepthMax) {
      return invalid_argument(format("{}: the document unfolds to more than {} nodes or {} levels",
                                     to.origin.to_string(), kNodesMax, kDepthMax));
    }
    switch (from.Type()) {
      case YAML::NodeType::Undefined:
      case YAML::NodeType::Null:
        return ok_status();
      case YAML::NodeType::Scalar:
        to.kind = Node::Kind::kScalar;
        to.scalar = from.Scalar();
        to.quoted = is_text(from);
        return check_text(to.scalar, to.origin);
      case YAML::NodeType::Sequence:
        return copy_list(from, to, depth);
      case YAML::NodeType::Map:
        return copy_map(from, to, depth);
    }
    return internal_error("a YAML node of no known type");
  }

 private:
  Origin origin(const YAML::Node& node) const { return {name_, node.Mark().line + 1}; }

  /// Names travel into results, JSON and other programs' tables.
  static Status check_text(const std::string& text, const Origin& at) {
    const auto bad = find_non_utf8(text);
    if (!bad) return ok_status();
    return invalid_argument(format(
        "{}: expected text in UTF-8, found byte {:02x} in '{}'; convert the "
        "file: iconv -f LATIN1 -t UTF-8 OLD > NEW",
        at.to_string(), static_cast<unsigned char>(text[*bad]), printable(text, kBytesShown)));
  }

  Status copy_list(const YAML::Node& from, Node& to, int depth) {
    to.kind = Node::Kind::kList;
    for (const auto& item : from) {
      TA_RETURN_IF_ERROR(copy(item, to.items.emplace_back(), depth + 1));
    }
    return ok_status();
  }

  Status copy_map(const YAML::Node& from, Node& to, int depth) {
    to.kind = Node::Kind::kMap;
    for (const auto& pair : from) {
      const Origin at = origin(pair.first);
      if (is_merge(pair.first)) continue;
      if (!pair.first.IsScalar()) {
        return invalid_argument(at.to_string() + ": expected a name as key, found a map or list");
      }
      const std::string key = pair.first.Scalar();
      TA_RETURN_IF_ERROR(check_text(key, at));
      if (to.find(key) != nullptr) {
        return invalid_argument(format("{}: the key '{}' stands here twice", at.to_string(), key));
      }
      Entry& entry = to.entries.emplace_back(Entry{key, at, {}});
      TA_RETURN_IF_ERROR(copy(pair.second, entry.value, depth + 1));
      if (entry.value.origin.line <= 0) entry.value.origin = at;
    }
    for (const auto& pair : from) {
      if (is_merge(pair.first)) TA_RETURN_IF_ERROR(merge(pair, to, depth));
    }
    return ok_status();
  }

  /// `<<`: the keys of one map, or of a list of maps, that `to` does not have yet. What is written
  /// in `to` wins over them, wherever it stands, and an earlier map over a later one.
  Status merge(const std::pair<YAML::Node, YAML::Node>& pair, Node& to, int depth) {
    const Origin at = origin(pair.first);
    Node source;
    TA_RETURN_IF_ERROR(copy(pair.second, source, depth + 1));
    if (source.kind == Node::Kind::kMap) {
      add_missing(std::move(source), to);
      return ok_status();
    }
    if (source.kind != Node::Kind::kList) return nothing_to_merge(at, source);
    for (Node& item : source.items) {
      if (item.kind != Node::Kind::kMap) return nothing_to_merge(at, item);
      add_missing(std::move(item), to);
    }
    return ok_status();
  }

  static void add_missing(Node source, Node& to) {
    for (Entry& entry : source.entries) {
      if (to.find(entry.key) == nullptr) to.entries.push_back(std::move(entry));
    }
  }
  static Status nothing_to_merge(const Origin& at, const Node& found) {
    return invalid_argument(
        format("{}: '<<' merges a map or a list of maps (<<: *name), found {}; a file is merged by "
               "_base_",
               at.to_string(), found.describe()));
  }

  std::string name_;
  int nodes_ = 0;
};

bool needs_quotes(const std::string& text) {
  static constexpr std::string_view kWords[] = {"null", "true", "false", "yes", "no", "on", "off"};
  if (text.empty() || std::isalpha(static_cast<unsigned char>(text[0])) == 0) return true;
  std::string lower = text;
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (std::ranges::find(kWords, lower) != std::end(kWords)) return true;
  return !std::ranges::all_of(text, [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '_' || c == '-' || c == '.' || c == '/';
  });
}

void emit(YAML::Emitter& out, const Node& node) {
  switch (node.kind) {
    case Node::Kind::kNull:
      out << YAML::Null;
      return;
    case Node::Kind::kScalar:
      if (node.quoted && needs_quotes(node.scalar)) out << YAML::DoubleQuoted;
      out << node.scalar;
      return;
    case Node::Kind::kList:
      if (node.items.empty()) out << YAML::Flow;
      out << YAML::BeginSeq;
      for (const Node& item : node.items) emit(out, item);
      out << YAML::EndSeq;
      return;
    case Node::Kind::kMap:
      out << YAML::BeginMap;
      for (const Entry& entry : node.entries) {
        out << YAML::Key;
        if (entry.key == "<<") out << YAML::DoubleQuoted;
        out << entry.key << YAML::Value;
        emit(out, entry.value);
      }
      out << YAML::EndMap;
      return;
  }
}

/// Hears a document and keeps nothing of it.
class Deaf final : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t,
                const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {}
  void OnMapEnd() override {}
};

/// Two are counted at most: yaml-cpp makes documents without end of a text that begins with a comma,
/// and LoadAll() keeps them all.
int count_documents(const std::string& text) {
  std::istringstream stream(text);
  YAML::Parser parser(stream);
  Deaf deaf;
  int documents = 0;
  while (documents < 2 && parser.HandleNextDocument(deaf)) ++documents;
  return documents;
}

}  // namespace

Result<Node> parse_yaml(const std::string& text, const std::string& name) {
  try {
    if (count_documents(text) > 1) {
      return invalid_argument(format(
          "{}: expected one YAML document, found 2 or more (lines of only ---, or a text that "
          "begins with a comma)",
          name));
    }
    Node root;
    root.origin = {name, 1};
    TA_RETURN_IF_ERROR(Copier(name).copy(YAML::Load(text), root, 0));
    return root;
  } catch (const YAML::Exception& error) {
    const Origin at{name, error.mark.is_null() ? 1 : error.mark.line + 1};
    return invalid_argument(format("{}: not valid YAML, column {}: {}", at.to_string(),
                                   error.mark.column + 1, error.msg));
  }
}

std::string emit_yaml(const Node& node) {
  YAML::Emitter out;
  emit(out, node);
  return std::string(out.c_str(), out.size()) + "\n";
}

}  // namespace tagalign::config
