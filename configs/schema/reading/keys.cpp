#include "configs/schema/reading/keys.h"

#include <cmath>
#include <optional>
#include <string_view>
#include <typeindex>
#include <utility>
#include <vector>

#include "base/format.h"
#include "configs/schema/document/binder.h"
#include "configs/schema/jobs/job_kinds.h"

namespace tagalign::config {
namespace {

/// Keys of one map, and the kinds of job that have it.
struct Table {
  std::string path;  ///< "optimizer"; "datasets.N.v1"; "" for the top of a kind
  std::string effect;
  std::vector<std::string> kinds;
  std::string rows;
  std::string choice;       ///< of the key `name`, where that chooses the keys
  std::type_index keys_of;  ///< the struct: methods may have other keys under one path
};

std::string type_of(const std::uint64_t&) {
  return "integer";
}
std::string type_of(const int&) {
  return "integer";
}
std::string type_of(const double&) {
  return "number";
}
std::string type_of(const bool&) {
  return "true or false";
}
std::string type_of(const std::string&) {
  return "text";
}
std::string type_of(const std::vector<std::string>&) {
  return "list of texts";
}
std::string type_of(const std::vector<double>&) {
  return "list of numbers";
}
std::string type_of(const std::vector<int>&) {
  return "list of integers";
}
std::string type_of(const Command&) {
  return "list of texts, or a text";
}
std::string type_of(const Environment&) {
  return "map of texts";
}
template <Choice E>
std::string type_of(const E&) {
  return "word";
}

/// Escapes what ends a cell.
std::string cell(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '|') out += '\\';
    out += c;
  }
  return out;
}

std::string range_of(const Rule& rule) {
  const bool from = std::isfinite(rule.low);
  const bool to = std::isfinite(rule.high);
  if (!from && !to) return "";
  const std::string start = format("{}{}", rule.low_open ? "above " : "", rule.low);
  if (!to) return start + (rule.low_open ? "" : "…");
  return format("{}{}{}", start, rule.high_open ? " to below " : "…", rule.high);
}

/// Integers without a sign start at 0.
std::string range_of(const std::uint64_t&, const Rule& rule) {
  return std::isfinite(rule.low) ? range_of(rule) : "0…";
}
template <Choice E>
std::string range_of(const E&, const Rule&) {
  return format("{}", fmt::join(words_of<E>(), ", "));
}
template <class T>
std::string range_of(const T&, const Rule& rule) {
  return range_of(rule);
}

std::string default_text(const Node& node) {
  if (node.kind != Node::Kind::kList) return node.scalar.empty() ? "" : "`" + node.scalar + "`";
  std::string out;
  for (const Node& item : node.items) out += (out.empty() ? "`[" : ", ") + item.scalar;
  return out.empty() ? "`[]`" : out + "]`";
}

std::string numbers_text(const Rule& rule) {
  if (!rule.affects_condition.empty()) return std::string(rule.affects_condition);
  return rule.affects_numbers ? "yes" : "no";
}

/// Collects tables; one map that several kinds have gives one table.
class KeyTables {
 public:
  template <class T>
  void add_kind(std::string_view kind) {
    kind_ = kind;
    T config;
    add_table("", "", config);
  }

  template <class T>
  void field(std::string_view name, T& value, const Rule& rule) {
    const std::string fallback = default_text(to_node(value));
    add_row(name, type_of(value), rule.is_required && fallback.empty() ? "required" : fallback,
            range_of(value, rule), rule);
  }
  template <class T>
  void field(std::string_view name, std::optional<T>& value, const Rule& rule) {
    const T typical = value.value_or(T{});
    add_row(name, type_of(typical), "unset", range_of(typical, rule), rule);
  }
  template <class T>
  void section(std::string_view name, T& value, std::string_view effect) {
    add_link(name, "map", effect);
    add_table(path_of(name), effect, value);
  }
  template <class T>
  void list(std::string_view name, std::vector<T>&, std::size_t count_min,
            std::string_view effect) {
    add_link(name, format("list of maps, at least {}", count_min), effect);
    T element;
    add_table(path_of(name) + ".N", effect, element);
  }

  template <class T>
  void map(std::string_view name, std::map<std::string, T>&, std::string_view effect) {
    add_link(name, "map of maps", effect);
    T element;
    add_table(path_of(name) + ".NAME", effect, element);
  }
  template <class... Ts>
  void tagged(std::string_view name, std::variant<Ts...>&, std::string_view effect) {
    add_link(name, "map, or its name alone", effect);
    (add_choice<Ts>(path_of(name), effect), ...);
  }

  const std::vector<Table>& tables() const { return tables_; }

 private:
  std::string path_of(std::string_view name) const {
    const std::string& path = tables_[current_].path;
    return path.empty() ? std::string(name) : format("{}.{}", path, name);
  }

  void add_row(std::string_view name, const std::string& type, const std::string& fallback,
               const std::string& range, const Rule& rule) {
    tables_[current_].rows +=
        format("| `{}` | {}{} | {} | {} | {} | {} | {} |\n", name, type,
               rule.takes_one_as_list ? ", or one of them" : "", rule.unit, cell(fallback),
               cell(range), cell(rule.effect), numbers_text(rule));
  }
  void add_link(std::string_view name, std::string_view type, std::string_view effect) {
    tables_[current_].rows +=
        format("| `{}` | {} | | | | {}: `{}` below | |\n", name, type, effect, path_of(name));
  }

  template <class T>
  void add_table(const std::string& path, std::string_view effect, T& value) {
    for (Table& table : tables_) {
      if (path.empty() || table.path != path || table.keys_of != typeid(T)) continue;
      table.kinds.push_back(kind_);
      return;
    }
    add_new_table({path, std::string(effect), {kind_}, "", "", typeid(T)}, value);
  }
  /// A table of its own for each kind of job: a method has other keys in training.
  template <class T>
  void add_choice(const std::string& path, std::string_view effect) {
    T chosen;
    const std::string choice(T::kName);
    const std::string name_row =
        format("| `{}` | word | | | {} | chooses the keys of this map | yes |\n", kTagKey, choice);
    add_new_table({path, std::string(effect), {kind_}, name_row, choice, typeid(T)}, chosen);
  }
  template <class T>
  void add_new_table(Table table, T& value) {
    const std::size_t outer = std::exchange(current_, tables_.size());
    tables_.push_back(std::move(table));
    visit_fields(*this, value);
    current_ = outer;
  }

  std::string kind_;
  std::vector<Table> tables_;
  std::size_t current_ = 0;
};

std::string title_of(const Table& table) {
  if (table.path.empty()) return table.kinds[0];
  const std::string choice = table.choice.empty() ? "" : format(" `name: {}`", table.choice);
  return format("`{}`{}: {} ({})", table.path, choice, table.effect, fmt::join(table.kinds, ", "));
}

std::string section_text(const Table& table) {
  return format(
      "\n## {}\n\n| key | type | unit | default | range | effect | affects numbers |\n"
      "|---|---|---|---|---|---|---|\n{}",
      title_of(table), table.rows);
}

}  // namespace

std::string keys_page() {
  KeyTables keys;
  std::apply(
      [&](const auto&... kinds) {
        (keys.add_kind<typename std::decay_t<decltype(kinds)>::ConfigType>(kinds.name), ...);
      },
      kJobKinds);
  std::string page =
      "# Every key of every kind of job\n\n"
      "Made by `build/bin/config_keys > configs/KEYS.md`; a test compares. Kinds of job first, "
      "each "
      "followed by the maps that it\nbrings. A key that affects numbers is part of the digest that "
      "a checkpoint is resumed by ([digest.md](schema/document/digest.md)).\n";
  for (const Table& table : keys.tables()) page += section_text(table);
  return page;
}

}  // namespace tagalign::config
