/// What tests ask of the field lists of messages: that they are complete, and which fields of a
/// sample still have their default.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "coordinator/wire/client_fields.h"
#include "coordinator/wire/fields.h"

namespace tagalign::wire {

template <class M>
concept HasFields = requires(M& m) {
  visit_fields([](const char*, auto&) {}, m);
};

/// Stands for a field of any type while fields are counted.
struct AnyField {
  template <class T>
  operator T() const;
};

/// The fields that the struct M has, listed or not: the longest initialiser that fits.
template <class M, class... Fields>
consteval std::size_t field_count() {
  if constexpr (requires { M{Fields{}..., AnyField{}}; }) {
    return field_count<M, Fields..., AnyField>();
  } else {
    return sizeof...(Fields);
  }
}

/// Collects the fields of a message, at any depth, that still have their default, and structs whose
/// list is not complete. Containers must hold something; all that they hold is looked at.
class DefaultsFinder {
 public:
  template <class M>
  void look_at(const M& message, const std::string& path) {
    look(message, M{}, path);
  }
  std::vector<std::string> found;

 private:
  template <class T>
  void look(const T& value, const T& untouched, const std::string& path) {
    if (value == untouched) found.push_back(path);
  }

  template <HasFields M>
  void look(const M& message, const M& untouched, const std::string& path) {
    std::vector<const void*> defaults;
    visit_fields([&](const char*, const auto& field) { defaults.push_back(&field); }, untouched);
    if (defaults.size() != field_count<M>()) found.push_back(path + ": not all fields are listed");
    std::size_t next = 0;
    visit_fields(
        [&]<class T>(const char* name, const T& field) {
          look(field, *static_cast<const T*>(defaults.at(next++)), path + "." + name);
        },
        message);
  }

  template <class A, class B>
  void look(const std::pair<A, B>& value, const std::pair<A, B>&, const std::string& path) {
    look_at(value.first, path + ".first");
    look_at(value.second, path + ".second");
  }

  template <class T>
  void look(const std::optional<T>& value, const std::optional<T>&, const std::string& path) {
    value ? look_at(*value, path) : found.push_back(path);
  }

  template <class... T>
  void look(const std::variant<T...>& value, const std::variant<T...>&, const std::string& path) {
    std::visit([&](const auto& alternative) { look_at(alternative, path); }, value);
  }

  template <class T>
  void look(const std::vector<T>& values, const std::vector<T>&, const std::string& path) {
    if (values.empty()) found.push_back(path);
    for (const T& value : values) look_at(value, path + "[]");
  }

  template <class K, class T>
  void look(const std::map<K, T>& values, const std::map<K, T>&, const std::string& path) {
    if (values.empty()) found.push_back(path);
    for (const auto& [key, value] : values) {
      look_at(key, path + ".key");
      look_at(value, path + ".value");
    }
  }
};

}  // namespace tagalign::wire
