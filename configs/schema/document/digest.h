/// Which configuration a checkpoint belongs to: a digest of what determines the numbers of a run.
/// digest.md describes the text that is digested.
///
/// Only keys that differ from their default and affect numbers (rule.h) are in it, so that a new key
/// leaves the digest of every older configuration as it is. Pure; safe from several threads.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/format.h"
#include "configs/schema/document/binder.h"

namespace tagalign::config {

/// Raised when the text's form changes, or a default does: then older checkpoints are not resumed.
inline constexpr int kDigestFormat = 1;

/// Key → value, both as they stand in the text.
using DigestLines = std::map<std::string, std::string>;

enum class KeysTaken : std::uint8_t { kThatAffectNumbers, kAll };

/// One line for each key taken, whatever its value: a visitor.
class DigestVisitor {
 public:
  explicit DigestVisitor(KeysTaken taken) : taken_(taken) {}

  template <class T>
  void field(std::string_view name, T& value, const Rule& rule = {}) {
    if (takes(rule)) add(name, text_of(to_node(value)));
  }
  template <class T>
  void field(std::string_view name, std::optional<T>& value, const Rule& rule = {}) {
    if (takes(rule)) add(name, value ? text_of(to_node(*value)) : "null");
  }
  template <class T>
  void section(std::string_view name, T& value, std::string_view /*effect*/) {
    DigestVisitor inner(taken_);
    visit_fields(inner, value);
    add_all(name, inner.lines_);
  }
  template <class T>
  void list(std::string_view name, std::vector<T>& values, std::size_t /*count_min*/,
            std::string_view /*effect*/);

  template <class T>
  void map(std::string_view name, std::map<std::string, T>& values, std::string_view /*effect*/);
  template <class... Ts>
  void tagged(std::string_view name, std::variant<Ts...>& value, std::string_view /*effect*/);

  const DigestLines& lines() const { return lines_; }

 private:
  bool takes(const Rule& rule) const { return rule.affects_numbers || taken_ == KeysTaken::kAll; }
  static std::string text_of(const Node& node);
  void add(std::string_view name, std::string value);
  void add_all(std::string_view prefix, const DigestLines& lines);

  KeysTaken taken_;
  DigestLines lines_;
};

/// The lines of `all` that are not in `defaults`.
DigestLines lines_that_differ(const DigestLines& all, const DigestLines& defaults);

/// The lines of a configuration that differ from those of a new T.
template <class T>
DigestLines digest_lines(T config) {
  DigestVisitor ours(KeysTaken::kThatAffectNumbers);
  visit_fields(ours, config);
  DigestVisitor fresh(KeysTaken::kAll);
  T defaults;
  visit_fields(fresh, defaults);
  return lines_that_differ(ours.lines(), fresh.lines());
}

/// The other lines that differ: of keys that keep the numbers, or do so in this configuration.
template <class T>
DigestLines lines_that_keep_numbers(T config) {
  DigestVisitor all(KeysTaken::kAll), digested(KeysTaken::kThatAffectNumbers),
      fresh(KeysTaken::kAll);
  visit_fields(all, config);
  visit_fields(digested, config);
  T defaults;
  visit_fields(fresh, defaults);
  return lines_that_differ(lines_that_differ(all.lines(), digested.lines()), fresh.lines());
}

/// An element of a list has the defaults of a new element; the length has a line of its own.
template <class T>
void DigestVisitor::list(std::string_view name, std::vector<T>& values, std::size_t,
                         std::string_view) {
  add(name, format("{}", values.size()));
  for (std::size_t i = 0; i < values.size(); ++i) {
    add_all(format("{}.{}", name, i), digest_lines(values[i]));
  }
}

/// An element of a map has the defaults of a new one.
template <class T>
void DigestVisitor::map(std::string_view name, std::map<std::string, T>& values, std::string_view) {
  for (auto& [key, value] : values) add_all(format("{}.{}", name, key), digest_lines(value));
}

/// The chosen name has a line of its own; the struct has the defaults of a new one.
template <class... Ts>
void DigestVisitor::tagged(std::string_view name, std::variant<Ts...>& value, std::string_view) {
  add(format("{}.{}", name, kTagKey),
      text_of(to_node(std::string(names_of(value)[value.index()]))));
  add_all(name, std::visit([](const auto& chosen) { return digest_lines(chosen); }, value));
}

/// The text of digest.md.
std::string digest_text(const DigestLines& lines);

/// "1:" and 32 hex digits of digest_text(); the number is kDigestFormat.
std::string digest_of(const DigestLines& lines);

}  // namespace tagalign::config
