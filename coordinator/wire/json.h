/// Messages as JSON: an object with every field of fields.h under its name, the same in result
/// files, in the store's table for people and in what the command line prints.
#pragma once

#include <nlohmann/json.hpp>

#include "coordinator/wire/fields.h"
#include "coordinator/wire/pool_fields.h"

namespace tagalign::wire {

template <class M>
concept Described = requires(M& m) {
  visit_fields([](const char*, auto&) {}, m);
};

/// Json: one of nlohmann's; M: a struct with a list of its fields.
template <class Json, Described M>
void to_json(Json& json, const M& message) {
  json = Json::object();
  visit_fields([&](const char* name, const auto& field) { json[name] = field; }, message);
}

/// Of several forms the one that it has.
template <class Json, Described... Forms>
void to_json(Json& json, const std::variant<Forms...>& message) {
  std::visit([&](const auto& form) { to_json(json, form); }, message);
}

/// Throws Json::exception where a field is absent or of another type.
template <class Json, Described M>
void from_json(const Json& json, M& message) {
  visit_fields([&](const char* name, auto& field) { json.at(name).get_to(field); }, message);
}

}  // namespace tagalign::wire

namespace tagalign {

/// An id is its number.
template <class Json, class Tag, class Number>
void to_json(Json& json, const StrongId<Tag, Number>& id) {
  json = id.value;
}

}  // namespace tagalign
