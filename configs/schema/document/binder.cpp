#include "configs/schema/document/binder.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string_view>
#include <type_traits>

#include "base/format.h"

namespace tagalign::config {
namespace {

std::string number_text(double value) {
  return format("{}", value);
}

/// "a number from 0 to below 1".
std::string expected_number(std::string_view what, const Rule& rule) {
  std::string text(what);
  if (std::isfinite(rule.low))
    text += (rule.low_open ? " above " : " from ") + number_text(rule.low);
  if (std::isfinite(rule.high)) {
    text += (rule.high_open ? " to below " : " to ") + number_text(rule.high);
  } else if (std::isfinite(rule.low) && !rule.low_open) {
    text += " upwards";
  }
  return text;
}

bool in_range(double value, const Rule& rule) {
  return (rule.low_open ? value > rule.low : value >= rule.low) &&
         (rule.high_open ? value < rule.high : value <= rule.high);
}

void report(const Node& node, const std::string& path, const std::string& expected,
            Problems& problems) {
  problems.add(node.origin, format("{}: expected {}, found {}", path, expected, node.describe()));
}

/// All of `text` as a number; from_chars() knows no sign "+" and no prefix of a base.
template <class T, class... Base>
std::optional<T> parse_all(std::string_view text, Base... base) {
  T value{};
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value, base...);
  if (error != std::errc() || stop != end) return std::nullopt;
  return value;
}

/// 0x1F and 0o17, which have no sign.
template <class T>
std::optional<T> parse_with_base(std::string_view text) {
  constexpr int kHexadecimal = 16, kOctal = 8;
  const int base = text[1] == 'x' ? kHexadecimal : kOctal;
  const std::string_view digits = text.substr(2);
  if (digits.starts_with('-')) return std::nullopt;
  if constexpr (std::is_floating_point_v<T>) {
    const auto whole = parse_all<std::uint64_t>(digits, base);
    return whole ? std::optional<T>(static_cast<T>(*whole)) : std::nullopt;
  } else {
    return parse_all<T>(digits, base);
  }
}

/// A number as YAML 1.2's core schema spells it (10.3.2): 12, +12, 0o14, 0xC; 1.5, .5, 1., 1e-3.
template <class T>
std::optional<T> parse_number(const Node& node) {
  if (node.kind != Node::Kind::kScalar || node.quoted) return std::nullopt;
  std::string_view text = node.scalar;
  if (text.starts_with("0x") || text.starts_with("0o")) return parse_with_base<T>(text);
  if (text.starts_with('+')) {
    text.remove_prefix(1);
    if (text.starts_with('-')) return std::nullopt;
  }
  return parse_all<T>(text);
}

/// true, True, TRUE, and likewise false: those of the core schema, in which yes and no, on and
/// off are plain texts.
std::optional<bool> parse_bool(const Node& node) {
  if (node.kind != Node::Kind::kScalar || node.quoted) return std::nullopt;
  for (const std::string_view word : {"true", "True", "TRUE"}) {
    if (node.scalar == word) return true;
  }
  for (const std::string_view word : {"false", "False", "FALSE"}) {
    if (node.scalar == word) return false;
  }
  return std::nullopt;
}

template <class T>
void read_number(const Node& node, const std::string& path, const Rule& rule, std::string_view what,
                 Problems& problems, T& value) {
  const std::optional<T> parsed = parse_number<T>(node);
  if (!parsed || !std::isfinite(static_cast<double>(*parsed)) ||
      !in_range(static_cast<double>(*parsed), rule)) {
    report(node, path, expected_number(what, rule), problems);
    return;
  }
  value = *parsed;
}

}  // namespace

void read_value(const Node& node, const std::string& path, const Rule& rule, Problems& problems,
                std::uint64_t& value) {
  Rule not_negative = rule;
  not_negative.low = std::max(rule.low, 0.0);
  read_number(node, path, not_negative, "an integer", problems, value);
}

void read_value(const Node& node, const std::string& path, const Rule& rule, Problems& problems,
                int& value) {
  read_number(node, path, rule, "an integer", problems, value);
}

void read_value(const Node& node, const std::string& path, const Rule& rule, Problems& problems,
                double& value) {
  read_number(node, path, rule, "a number", problems, value);
}

void read_value(const Node& node, const std::string& path, const Rule&, Problems& problems,
                bool& value) {
  if (const auto parsed = parse_bool(node)) {
    value = *parsed;
  } else {
    report(node, path, "true or false", problems);
  }
}

void read_value(const Node& node, const std::string& path, const Rule&, Problems& problems,
                std::string& value) {
  if (node.kind == Node::Kind::kScalar) {
    value = node.scalar;
  } else {
    report(node, path, "a text (\"\" for an empty one)", problems);
  }
}

std::optional<std::size_t> read_word(const Node& node, const std::string& path, Words words,
                                     Problems& problems) {
  const bool is_scalar = node.kind == Node::Kind::kScalar;
  const auto found = is_scalar ? std::ranges::find(words, node.scalar) : words.end();
  if (found != words.end()) return static_cast<std::size_t>(found - words.begin());
  std::string text =
      format("{}: expected one of {}, found {}", path, fmt::join(words, ", "), node.describe());
  const std::string near =
      is_scalar ? nearest_name(node.scalar, {words.begin(), words.end()}) : std::string();
  if (!near.empty()) text += format("; did you mean '{}'?", near);
  problems.add(node.origin, text);
  return std::nullopt;
}

void read_value(const Node& node, const std::string& path, const Rule& rule, Problems& problems,
                std::vector<std::string>& value) {
  if (rule.takes_one_as_list && node.kind == Node::Kind::kScalar) {
    value = {node.scalar};
    return;
  }
  if (node.kind != Node::Kind::kList) {
    report(node, path, rule.takes_one_as_list ? "a text or a list of texts" : "a list of texts",
           problems);
    return;
  }
  value.clear();
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    read_value(node.items[i], format("{}.{}", path, i), rule, problems, value.emplace_back());
  }
}

namespace {
template <class T>
void read_list(const Node& node, const std::string& path, const Rule& rule, Problems& problems,
               const char* expected, std::vector<T>& value) {
  if (node.kind != Node::Kind::kList) return report(node, path, expected, problems);
  value.clear();
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    read_value(node.items[i], format("{}.{}", path, i), rule, problems, value.emplace_back());
  }
}
}  // namespace

void read_value(const Node& node, const std::string& path, const Rule& rule, Problems& problems,
                std::vector<double>& value) {
  read_list(node, path, rule, problems, "a list of numbers", value);
}
void read_value(const Node& node, const std::string& path, const Rule& rule, Problems& problems,
                std::vector<int>& value) {
  read_list(node, path, rule, problems, "a list of integers", value);
}

Reader::Reader(const Node* node, Origin origin, std::string path, Problems& problems)
    : node_(node), origin_(std::move(origin)), path_(std::move(path)), problems_(problems) {
  if (node_ == nullptr || node_->kind == Node::Kind::kMap) return;
  report(*node_, path_.empty() ? "document" : path_, "a map of keys", problems_);
  node_ = nullptr;
}

void Reader::node(std::string_view name, Node& value) {
  if (const Node* child = take(name)) value = *child;
}

void Reader::finish() {
  if (node_ == nullptr) return;
  for (const Entry& entry : node_->entries) {
    if (std::ranges::find(known_, entry.key) != known_.end()) continue;
    const std::string what = path_.empty() ? "key" : format("key in {}:", path_);
    problems_.add(entry.origin, unknown_name(what, entry.key, known_));
  }
}

const Node* Reader::take(std::string_view name) {
  known_.emplace_back(name);
  return node_ != nullptr ? node_->find(name) : nullptr;
}

std::string Reader::path_of(std::string_view name) const {
  return path_.empty() ? std::string(name) : format("{}.{}", path_, name);
}

std::size_t Reader::list_size(const Node* node, std::string_view name) {
  if (node == nullptr) return 0;
  if (node->kind == Node::Kind::kList) return node->items.size();
  if (known_.back() == name) report(*node, path_of(name), "a list of maps", problems_);
  return 0;
}

bool Reader::is_map(const Node& node, std::string_view name) {
  if (node.kind == Node::Kind::kMap) return true;
  report(node, path_of(name), "a map of maps", problems_);
  return false;
}

void Reader::report_required(const Node* node, std::string_view name) {
  if (node != nullptr) {
    problems_.add(node->origin, format("{}: must not be empty", path_of(name)));
  } else {
    problems_.add(origin_, format("{}: this key is required and missing", path_of(name)));
  }
}

Node to_node(const std::string& value) {
  Node node;
  node.kind = Node::Kind::kScalar;
  node.scalar = value;
  node.quoted = true;
  return node;
}

namespace {
Node plain(std::string text) {
  Node node = to_node(text);
  node.quoted = false;
  return node;
}
}  // namespace

Node to_node(std::uint64_t value) {
  return plain(format("{}", value));
}
Node to_node(int value) {
  return plain(format("{}", value));
}
Node to_node(double value) {
  return plain(format("{}", value));
}
Node to_node(bool value) {
  return plain(value ? "true" : "false");
}

namespace {
template <class T>
Node list_node(const std::vector<T>& values) {
  Node node;
  node.kind = Node::Kind::kList;
  for (const T& value : values) node.items.push_back(to_node(value));
  return node;
}
}  // namespace

Node to_node(const std::vector<std::string>& value) {
  return list_node(value);
}
Node to_node(const std::vector<double>& value) {
  return list_node(value);
}
Node to_node(const std::vector<int>& value) {
  return list_node(value);
}

}  // namespace tagalign::config
