#include "coordinator/store/fact_json.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "base/format.h"
#include "base/json_text.h"
#include "coordinator/store/stored_fields.h"

namespace tagalign::store {
namespace {

using Json = nlohmann::ordered_json;

// ---------------------------------------------------------------- words

/// Names of an enumeration's values, which count from 1.
template <class T>
constexpr std::array<const char*, 0> kWords{};
template <>
constexpr std::array<const char*, 9> kWords<wire::Outcome>{
    "succeeded",         "saved-and-left", "failed",     "rank-killed", "agent-restarted",
    "killed-on-request", "launch-failed",  "gang-apart", "hung"};
template <>
constexpr std::array<const char*, 2> kWords<wire::GangLauncher>{"mpirun", "srun"};
template <>
constexpr std::array<const char*, 3> kWords<core::PoolMode>{"open", "paused", "removing"};
template <>
constexpr std::array<const char*, 3> kWords<core::AllocationStage>{"asked", "pending", "running"};

/// Names of a variant's alternatives.
template <class T>
struct Alternatives;
template <>
struct Alternatives<core::JobState> {
  static constexpr std::array kNames{"queued",    "starting", "running",  "saving",
                                     "succeeded", "failed",   "cancelled"};
};
template <>
struct Alternatives<decltype(wire::PoolSpec::source)> {
  static constexpr std::array kNames{"slurm", "ssh"};
};

/// union_ is no name that people want to read.
std::string shown_name(std::string_view name) {
  if (name.ends_with('_')) name.remove_suffix(1);
  return std::string(name);
}

// ---------------------------------------------------------------- writing

struct Writer {
  Json& object;
  template <class T>
  void operator()(std::uint8_t, const char* name, const T& value) {
    object[shown_name(name)] = write(value);
  }

  template <Number T>
  static Json write(const T& value) {
    if constexpr (!std::is_enum_v<T>) {
      return value;
    } else {
      const auto number = static_cast<std::size_t>(value);
      if (number >= 1 && number <= kWords<T>.size()) return kWords<T>[number - 1];
      return number;
    }
  }
  static Json write(const std::string& text) { return text; }
  template <class Tag, class Rep>
  static Json write(const StrongId<Tag, Rep>& id) {
    return id.value;
  }
  template <class A, class B>
  static Json write(const std::pair<A, B>& pair) {
    return Json::array({write(pair.first), write(pair.second)});
  }
  template <class T>
  static Json write(const std::optional<T>& value) {
    return value ? write(*value) : Json();
  }
  template <class... Ts>
  static Json write(const std::variant<Ts...>& value) {
    Json json = Json::object();
    json[Alternatives<std::variant<Ts...>>::kNames[value.index()]] =
        std::visit([](const auto& body) { return write(body); }, value);
    return json;
  }
  template <class T>
  static Json write(const std::vector<T>& items) {
    Json json = Json::array();
    for (const T& item : items) json.push_back(write(item));
    return json;
  }
  template <class T>
  static Json write(const std::set<T>& items) {
    return write(std::vector<T>(items.begin(), items.end()));
  }
  template <class S>
  requires(std::is_class_v<S>) static Json write(const S& value) {
    Json json = Json::object();
    Writer writer{json};
    fields(writer, value);
    return json;
  }
};

// ---------------------------------------------------------------- reading

/// Takes the fields that it is asked for out of `object`: what is left is unknown.
struct Reader {
  Json& object;
  template <class T>
  void operator()(std::uint8_t, const char* name, T& value) {
    const auto found = object.find(shown_name(name));
    if (found == object.end()) {
      if constexpr (!std::is_enum_v<T>) value = T{};
      return;
    }
    read(*found, value);
    object.erase(found);
  }
  void finish() const {
    if (!object.empty())
      throw TaggedError(format("field '{}' is not known here", object.begin().key()));
  }

  template <Number T>
  static void read(Json& json, T& value) {
    if constexpr (!std::is_enum_v<T>) {
      json.get_to(value);
    } else if (json.is_string()) {
      const auto word = json.get<std::string>();
      const auto found = std::find(kWords<T>.begin(), kWords<T>.end(), word);
      if (found == kWords<T>.end()) throw TaggedError(format("'{}' is not known here", word));
      value = static_cast<T>(found - kWords<T>.begin() + 1);
    } else {
      value = static_cast<T>(json.get<std::underlying_type_t<T>>());
    }
  }
  static void read(Json& json, std::string& text) { json.get_to(text); }
  template <class Tag, class Rep>
  static void read(Json& json, StrongId<Tag, Rep>& id) {
    json.get_to(id.value);
  }
  template <class A, class B>
  static void read(Json& json, std::pair<A, B>& pair) {
    read(json.at(0), pair.first);
    read(json.at(1), pair.second);
  }
  template <class T>
  static void read(Json& json, std::optional<T>& value) {
    value.reset();
    if (!json.is_null()) read(json, value.emplace());
  }
  template <std::size_t I = 0, class... Ts>
  static void read(Json& json, std::variant<Ts...>& value) {
    if constexpr (I < sizeof...(Ts)) {
      const auto found = json.find(Alternatives<std::variant<Ts...>>::kNames[I]);
      if (found == json.end()) return read<I + 1>(json, value);
      read(*found, value.template emplace<I>());
    } else {
      throw TaggedError(format("expected one of its alternatives, found {}", json_text(json)));
    }
  }
  template <class T>
  static void read(Json& json, std::vector<T>& items) {
    if (!json.is_array()) throw TaggedError("expected a list, found " + json_text(json));
    items.clear();
    for (Json& item : json) read(item, items.emplace_back());
  }
  template <class T>
  static void read(Json& json, std::set<T>& items) {
    std::vector<T> listed;
    read(json, listed);
    items.clear();
    items.insert(listed.begin(), listed.end());
  }
  template <class S>
  requires(std::is_class_v<S>) static void read(Json& json, S& value) {
    if (!json.is_object()) throw TaggedError("expected an object, found " + json_text(json));
    Reader reader{json};
    fields(reader, value);
    reader.finish();
  }
};

template <std::size_t I = 0>
void read_body(Json& json, std::string_view name, core::Fact& fact) {
  if constexpr (I < std::variant_size_v<core::FactBody>) {
    auto& body = fact.body.emplace<I>();
    if (core::fact_name(fact) != name) return read_body<I + 1>(json, name, fact);
    Reader::read(json, body);
  } else {
    throw TaggedError(format("fact '{}' is not known here; use the program that wrote it", name));
  }
}

template <class T>
T taken(Json& json, const char* name) {
  const T value = json.at(name).get<T>();
  json.erase(name);
  return value;
}

std::string utc_with_ms(UnixMs at_ms) {
  std::string text = format_utc(at_ms);
  text.pop_back();
  return format("{}.{:03}Z", text, ((at_ms % 1000) + 1000) % 1000);
}

}  // namespace

std::string fact_to_json(std::uint64_t sequence, const core::Fact& fact) {
  Json json = {{"sequence", sequence},
               {"at", utc_with_ms(fact.at_ms)},
               {"at_ms", fact.at_ms},
               {"fact", std::string(core::fact_name(fact))}};
  json["data"] = std::visit([](const auto& body) { return Writer::write(body); }, fact.body);
  return json_text(json);
}

Result<NumberedFact> fact_from_json(std::string_view line) try {
  Json json = Json::parse(line);
  NumberedFact read;
  read.sequence = taken<std::uint64_t>(json, "sequence");
  read.fact.at_ms = taken<UnixMs>(json, "at_ms");
  json.erase("at");
  read_body(json.at("data"), json.at("fact").get<std::string>(), read.fact);
  return read;
} catch (const Json::exception& error) {
  return data_loss(
      format("expected a fact as `tagalign coordinator export` writes it: {}", error.what()));
} catch (const TaggedError& error) {
  return data_loss(error.what());
}

}  // namespace tagalign::store
