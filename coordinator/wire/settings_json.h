/// A Setting as JSON: {"subject": "window", "value": "448", "of_method": false}, the same in result
/// files, in the store and in what the command line prints.
#pragma once

#include <nlohmann/json.hpp>

#include "coordinator/wire/messages.h"

namespace tagalign::wire {

template <class Json>
void to_json(Json& json, const Setting& setting) {
  json = Json{
      {"subject", setting.subject}, {"value", setting.value}, {"of_method", setting.of_method}};
}

/// Throws Json::exception where a field is absent or of another type.
template <class Json>
void from_json(const Json& json, Setting& setting) {
  json.at("subject").get_to(setting.subject);
  json.at("value").get_to(setting.value);
  json.at("of_method").get_to(setting.of_method);
}

}  // namespace tagalign::wire
