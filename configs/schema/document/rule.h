/// What is known about one key beside its name and type: what it does, what it may hold and whether
/// the numbers of a job depend on it. A visit_fields() gives one to each field.
///
/// A visitor V offers  field(name, value, rule)   a scalar (optional: it may stay unset) or a list
///                     section(name, struct, effect)             a nested map
///                     list(name, vector, count_min, effect)     a list of maps
///                     map(name, map, effect)                    maps under names that people choose
///                     tagged(name, variant, effect)             a map whose key `name` chooses its
///                                                               struct, T::kName of each
/// Reading (binder.h), writing, the digest (digest.h) and the page of keys (keys.h) are visitors;
/// the order of the calls is the order in which a configuration is written.
#pragma once

#include <limits>
#include <string_view>

namespace tagalign::config {

/// An empty Rule allows everything of its type. Texts must outlive it: use literals.
struct Rule {
  constexpr Rule() = default;
  constexpr explicit Rule(std::string_view what_it_does) : effect(what_it_does) {}

  constexpr Rule between(double from, double to) const {
    Rule rule = at_least(from);
    rule.high = to;
    return rule;
  }
  constexpr Rule from_to_below(double from, double below) const {
    Rule rule = between(from, below);
    rule.high_open = true;
    return rule;
  }
  constexpr Rule at_least(double from) const {
    Rule rule = *this;
    rule.low = from;
    return rule;
  }
  constexpr Rule above(double bound) const {
    Rule rule = at_least(bound);
    rule.low_open = true;
    return rule;
  }
  constexpr Rule in(std::string_view unit_name) const {
    Rule rule = *this;
    rule.unit = unit_name;
    return rule;
  }
  constexpr Rule required() const {
    Rule rule = *this;
    rule.is_required = true;
    return rule;
  }
  constexpr Rule one_as_list() const {
    Rule rule = *this;
    rule.takes_one_as_list = true;
    return rule;
  }
  /// Runs that differ in this key alone give the same numbers: no digest holds it.
  constexpr Rule keeps_numbers() const {
    Rule rule = *this;
    rule.affects_numbers = false;
    return rule;
  }
  /// `condition` says when, for the page of keys; `holds`: in the configuration at hand.
  constexpr Rule affects_numbers_if(bool holds, std::string_view condition) const {
    Rule rule = *this;
    rule.affects_numbers = holds;
    rule.affects_condition = condition;
    return rule;
  }

  std::string_view effect;
  std::string_view unit;
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
  bool low_open = false;  ///< low itself is refused
  bool high_open = false;
  bool is_required = false;        ///< must not stay empty
  bool takes_one_as_list = false;  ///< a single text stands for a list of one
  bool affects_numbers = true;     ///< unless said otherwise: a forgotten key refuses to resume
  std::string_view affects_condition;
};

}  // namespace tagalign::config
