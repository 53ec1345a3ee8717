/// Moves a Node into a struct and back, for structs with a
/// visit_fields(). Internal to configs/schema.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "configs/schema/document/choices.h"
#include "configs/schema/document/document.h"
#include "configs/schema/document/rule.h"

namespace tagalign::config {

// Each reports a problem at the node's origin and leaves the value as it was.
void read_value(const Node& node, const std::string& path, const Rule& rule, Problems& problems,
                std::uint64_t& value);
void read_value(const Node& node, const std::string& path, const Rule& rule, Problems& problems,
                int& value);
void read_value(const Node& node, const std::string& path, const Rule& rule, Problems& problems,
                double& value);
void read_value(const Node& node, const std::string& path, const Rule& rule, Problems& problems,
                bool& value);
void read_value(const Node& node, const std::string& path, const Rule& rule, Problems& problems,
                std::string& value);
void read_value(const Node& node, const std::string& path, const Rule& rule, Problems& problems,
                std::vector<std::string>& value);
void read_value(const Node& node, const std::string& path, const Rule& rule, Problems& problems,
                std::vector<double>& value);
void read_value(const Node& node, const std::string& path, const Rule& rule, Problems& problems,
                std::vector<int>& value);

/// The index of the node's word in `words`; nullopt when a problem was added.
std::optional<std::size_t> read_word(const Node& node, const std::string& path, Words words,
                                     Problems& problems);

template <Choice E>
void read_value(const Node& node, const std::string& path, const Rule&, Problems& problems,
                E& value) {
  if (const auto index = read_word(node, path, words_of<E>(), problems)) {
    value = static_cast<E>(*index);
  }
}

/// null unsets.
template <class T>
void read_value(const Node& node, const std::string& path, const Rule& rule, Problems& problems,
                std::optional<T>& value) {
  if (node.kind == Node::Kind::kNull) return value.reset();
  Problems found;
  T parsed{};
  read_value(node, path, rule, found, parsed);
  if (found.empty()) value = parsed;
  problems.append(found);
}

template <class T>
bool is_empty_value(const T&) {
  return false;
}
template <class T>
bool is_empty_value(const std::optional<T>& value) {
  return !value.has_value();
}
inline bool is_empty_value(const std::string& text) {
  return text.empty();
}
template <class T>
bool is_empty_value(const std::vector<T>& list) {
  return list.empty();
}

/// The names of a tagged section's structs, in order.
template <class... Ts>
Words names_of(const std::variant<Ts...>&) {
  static constexpr std::array<std::string_view, sizeof...(Ts)> kNames = {Ts::kName...};
  return kNames;
}

/// The struct that stands at `index`, new.
template <class... Ts>
void put_alternative(std::variant<Ts...>& value, std::size_t index) {
  std::size_t i = 0;
  ((i++ == index ? static_cast<void>(value.template emplace<Ts>()) : static_cast<void>(0)), ...);
}

/// The key of a tagged section that chooses its struct.
inline constexpr std::string_view kTagKey = "name";

/// Reads the keys of one map. `path` is where the map stands ("" at the root); `node` may be null:
/// nothing was written, only required keys are missed, at `origin`.
class Reader {
 public:
  Reader(const Node* node, Origin origin, std::string path, Problems& problems);

  template <class T>
  void field(std::string_view name, T& value, const Rule& rule = {}) {
    const Node* child = take(name);
    if (child != nullptr) read_value(*child, path_of(name), rule, problems_, value);
    if (rule.is_required && is_empty_value(value)) report_required(child, name);
  }

  template <class T>
  void section(std::string_view name, T& value, std::string_view /*effect*/) {
    const Node* child = take(name);
    Reader reader(child, child != nullptr ? child->origin : origin_, path_of(name), problems_);
    visit_fields(reader, value);
    reader.finish();
  }

  template <class T>
  void list(std::string_view name, std::vector<T>& values, std::size_t count_min,
            std::string_view /*effect*/) {
    const Node* child = take(name);
    values.clear();
    for (std::size_t i = 0; i < list_size(child, name); ++i) {
      const Node& item = child->items[i];
      Reader reader(&item, item.origin, path_of(name) + "." + std::to_string(i), problems_);
      visit_fields(reader, values.emplace_back());
      reader.finish();
    }
    if (values.size() < count_min) report_required(child, name);
  }

  /// A map from names that people choose.
  template <class T>
  void map(std::string_view name, std::map<std::string, T>& values, std::string_view /*effect*/) {
    const Node* child = take(name);
    values.clear();
    if (child == nullptr || !is_map(*child, name)) return;
    for (const Entry& entry : child->entries) {
      Reader reader(&entry.value, entry.origin, path_of(name) + "." + entry.key, problems_);
      visit_fields(reader, values[entry.key]);
      reader.finish();
    }
  }

  /// A section whose key `name` chooses its struct; a word alone stands for {name: WORD}. Without
  /// the key the struct stays that of the default.
  template <class... Ts>
  void tagged(std::string_view name, std::variant<Ts...>& value, std::string_view /*effect*/) {
    const Node* child = take(name);
    const bool is_word = child != nullptr && child->kind == Node::Kind::kScalar;
    const Node* tag = child == nullptr || is_word ? child : child->find(kTagKey);
    if (tag != nullptr) {
      const std::string path = path_of(name) + (is_word ? "" : "." + std::string(kTagKey));
      const auto index = read_word(*tag, path, names_of(value), problems_);
      if (!index) return;
      put_alternative(value, *index);
    }
    Reader reader(is_word ? nullptr : child, child != nullptr ? child->origin : origin_,
                  path_of(name), problems_);
    reader.take(kTagKey);
    std::visit([&](auto& alternative) { visit_fields(reader, alternative); }, value);
    reader.finish();
  }

  /// Keeps what stands under `name` unread.
  void node(std::string_view name, Node& value);

  /// Reports the keys that nobody asked for.
  void finish();

 private:
  const Node* take(std::string_view name);
  std::string path_of(std::string_view name) const;
  std::size_t list_size(const Node* node, std::string_view name);
  bool is_map(const Node& node, std::string_view name);
  void report_required(const Node* node, std::string_view name);

  const Node* node_;
  Origin origin_;
  std::string path_;
  Problems& problems_;
  std::vector<std::string> known_;
};

Node to_node(std::uint64_t value);
Node to_node(int value);
Node to_node(double value);
Node to_node(bool value);
Node to_node(const std::string& value);
Node to_node(const std::vector<std::string>& value);
Node to_node(const std::vector<double>& value);
Node to_node(const std::vector<int>& value);
template <Choice E>
Node to_node(E value) {
  return to_node(std::string(word(value)));
}

/// Writes every field of a struct into a map; what is unset is left out.
class Writer {
 public:
  Writer() { node_.kind = Node::Kind::kMap; }

  template <class T>
  void field(std::string_view name, T& value, const Rule& = {}) {
    add(name, to_node(value));
  }
  template <class T>
  void field(std::string_view name, std::optional<T>& value, const Rule& = {}) {
    if (value) add(name, to_node(*value));
  }
  template <class T>
  void section(std::string_view name, T& value, std::string_view /*effect*/) {
    add(name, write(value));
  }
  template <class T>
  void list(std::string_view name, std::vector<T>& values, std::size_t /*count_min*/,
            std::string_view /*effect*/) {
    Node node;
    node.kind = Node::Kind::kList;
    for (T& value : values) node.items.push_back(write(value));
    add(name, std::move(node));
  }

  template <class T>
  void map(std::string_view name, std::map<std::string, T>& values, std::string_view /*effect*/) {
    if (values.empty()) return;
    Writer writer;
    for (auto& [key, value] : values) writer.add(key, write(value));
    add(name, std::move(writer.node_));
  }
  template <class... Ts>
  void tagged(std::string_view name, std::variant<Ts...>& value, std::string_view /*effect*/) {
    Writer writer;
    writer.add(kTagKey, to_node(std::string(names_of(value)[value.index()])));
    std::visit([&](auto& alternative) { visit_fields(writer, alternative); }, value);
    add(name, std::move(writer.node_));
  }

  template <class T>
  static Node write(T& value) {
    Writer writer;
    visit_fields(writer, value);
    return std::move(writer.node_);
  }

 private:
  void add(std::string_view name, Node node) {
    node_.entries.push_back({std::string(name), {}, std::move(node)});
  }

  Node node_;
};

}  // namespace tagalign::config
