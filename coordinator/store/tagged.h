/// Bytes of stored structs: numbered fields, each with its length, so that a field can be added
/// without touching what was written before (format.md).
///
/// A struct is stored by one list, `template <class F> void fields(F& f, S& s) { f(1, "a", s.a); … }`,
/// with ascending numbers; the same list writes and reads. Zero, false, empty and absent values
/// take no bytes. Private to coordinator/store. Reading throws TaggedError, caught in the codecs.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "base/format.h"
#include "base/ids.h"
#include "coordinator/core/id_table.h"

namespace tagalign {

/// Of a list of fields: S, or const S.
template <class T, class S>
concept Is = std::is_same_v<std::remove_const_t<T>, S>;

}  // namespace tagalign

namespace tagalign::store {

struct TaggedError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

template <class T>
concept Number = std::is_integral_v<T> || std::is_enum_v<T>;

// ---------------------------------------------------------------- writing

class FieldWriter {
 public:
  explicit FieldWriter(std::string& out) : out_(out) {}
  template <class T>
  void operator()(std::uint8_t number, const char* name, const T& value);

 private:
  std::string& out_;
};

inline void put_varint(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>((value & 0x7f) | 0x80));
  out.push_back(static_cast<char>(value));
}

template <Number T>
void put(std::string& out, T value);
inline void put(std::string& out, const std::string& text);
template <class Tag, class Rep>
void put(std::string& out, const StrongId<Tag, Rep>& id);
template <class A, class B>
void put(std::string& out, const std::pair<A, B>& pair);
template <class T>
void put(std::string& out, const std::optional<T>& value);
template <class... Ts>
void put(std::string& out, const std::variant<Ts...>& value);
template <class T>
void put(std::string& out, const std::vector<T>& items);
template <class T>
void put(std::string& out, const std::set<T>& items);
template <class K, class V>
void put(std::string& out, const std::map<K, V>& items);
template <class K, class V>
void put(std::string& out, const core::IdTable<K, V>& items);
template <class S>
requires(std::is_class_v<S>) void put(std::string& out, const S& value);

/// Length, then the value.
template <class T>
void put_sized(std::string& out, const T& value) {
  const std::size_t begin = out.size();
  out.append(4, '\0');
  put(out, value);
  const std::size_t size = out.size() - begin - 4;
  for (std::size_t i = 0; i < 4; ++i) out[begin + i] = static_cast<char>(size >> (8 * i) & 0xff);
}

/// Signed numbers in zigzag, so that small negatives stay short.
template <Number T>
void put(std::string& out, T value) {
  if constexpr (std::is_enum_v<T>) {
    put(out, static_cast<std::underlying_type_t<T>>(value));
  } else if constexpr (std::is_signed_v<T>) {
    const auto wide = static_cast<std::int64_t>(value);
    put_varint(out,
               (static_cast<std::uint64_t>(wide) << 1) ^ static_cast<std::uint64_t>(wide >> 63));
  } else {
    put_varint(out, static_cast<std::uint64_t>(value));
  }
}
inline void put(std::string& out, const std::string& text) {
  out += text;
}
template <class Tag, class Rep>
void put(std::string& out, const StrongId<Tag, Rep>& id) {
  put(out, id.value);
}
template <class A, class B>
void put(std::string& out, const std::pair<A, B>& pair) {
  put_sized(out, pair.first);
  put_sized(out, pair.second);
}
template <class T>
void put(std::string& out, const std::optional<T>& value) {
  put(out, *value);
}
template <class... Ts>
void put(std::string& out, const std::variant<Ts...>& value) {
  out.push_back(static_cast<char>(value.index() + 1));
  std::visit([&](const auto& body) { put(out, body); }, value);
}
template <class T>
void put(std::string& out, const std::vector<T>& items) {
  for (const T& item : items) put_sized(out, item);
}
template <class T>
void put(std::string& out, const std::set<T>& items) {
  for (const T& item : items) put_sized(out, item);
}
/// Keys with values, by ascending key.
template <class Map>
void put_pairs(std::string& out, const Map& items) {
  for (const auto& [key, value] : items) {
    put_sized(out, key);
    put_sized(out, value);
  }
}
template <class K, class V>
void put(std::string& out, const std::map<K, V>& items) {
  put_pairs(out, items);
}
template <class K, class V>
void put(std::string& out, const core::IdTable<K, V>& items) {
  put_pairs(out, items);
}
template <class S>
requires(std::is_class_v<S>) void put(std::string& out, const S& value) {
  FieldWriter writer(out);
  fields(writer, value);
}

template <class T>
bool takes_no_bytes(const T& value) {
  if constexpr (std::is_integral_v<T>) {
    return value == T{};
  } else if constexpr (requires { value.has_value(); }) {
    return !value.has_value();
  } else if constexpr (requires { value.empty(); }) {
    return value.empty();
  } else if constexpr (requires { value.value; }) {
    return takes_no_bytes(value.value);
  } else {
    return false;
  }
}

template <class T>
void FieldWriter::operator()(std::uint8_t number, const char*, const T& value) {
  if (takes_no_bytes(value)) return;
  out_.push_back(static_cast<char>(number));
  put_sized(out_, value);
}

// ---------------------------------------------------------------- reading

class FieldReader {
 public:
  explicit FieldReader(std::string_view rest) : rest_(rest) {}
  template <class T>
  void operator()(std::uint8_t number, const char* name, T& value);
  /// Every field must have been asked for: a number that the list lacks is of a newer program.
  void finish() const {
    if (!rest_.empty()) {
      throw TaggedError(format("field {} is not known here", static_cast<unsigned char>(rest_[0])));
    }
  }

 private:
  std::string_view rest_;
};

inline std::string_view take(std::string_view& rest, std::size_t size) {
  if (size > rest.size()) {
    throw TaggedError(format("expected {} more bytes, found {}", size, rest.size()));
  }
  const std::string_view taken = rest.substr(0, size);
  rest.remove_prefix(size);
  return taken;
}

inline std::string_view take_sized(std::string_view& rest) {
  const std::string_view bytes = take(rest, 4);
  std::size_t size = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    size |= static_cast<std::size_t>(static_cast<unsigned char>(bytes[i])) << (8 * i);
  }
  return take(rest, size);
}

inline std::uint64_t take_varint(std::string_view& rest) {
  std::uint64_t value = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    const auto byte = static_cast<unsigned char>(take(rest, 1)[0]);
    value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
  throw TaggedError("a number has more than ten bytes");
}

template <Number T>
void get(std::string_view bytes, T& value);
inline void get(std::string_view bytes, std::string& text);
template <class Tag, class Rep>
void get(std::string_view bytes, StrongId<Tag, Rep>& id);
template <class A, class B>
void get(std::string_view bytes, std::pair<A, B>& pair);
template <class T>
void get(std::string_view bytes, std::optional<T>& value);
template <class... Ts>
void get(std::string_view bytes, std::variant<Ts...>& value);
template <class T>
void get(std::string_view bytes, std::vector<T>& items);
template <class T>
void get(std::string_view bytes, std::set<T>& items);
template <class K, class V>
void get(std::string_view bytes, std::map<K, V>& items);
template <class K, class V>
void get(std::string_view bytes, core::IdTable<K, V>& items);
template <class S>
requires(std::is_class_v<S>) void get(std::string_view bytes, S& value);

template <Number T>
void get(std::string_view bytes, T& value) {
  if constexpr (std::is_enum_v<T>) {
    std::underlying_type_t<T> number{};
    get(bytes, number);
    value = static_cast<T>(number);
  } else {
    const std::uint64_t raw = take_varint(bytes);
    if (!bytes.empty()) throw TaggedError("bytes follow a number");
    if constexpr (std::is_signed_v<T>) {
      value =
          static_cast<T>(static_cast<std::int64_t>(raw >> 1) ^ -static_cast<std::int64_t>(raw & 1));
    } else {
      value = static_cast<T>(raw);
    }
  }
}
inline void get(std::string_view bytes, std::string& text) {
  text = bytes;
}
template <class Tag, class Rep>
void get(std::string_view bytes, StrongId<Tag, Rep>& id) {
  get(bytes, id.value);
}
template <class A, class B>
void get(std::string_view bytes, std::pair<A, B>& pair) {
  get(take_sized(bytes), pair.first);
  get(take_sized(bytes), pair.second);
}
template <class T>
void get(std::string_view bytes, std::optional<T>& value) {
  get(bytes, value.emplace());
}
template <std::size_t I = 0, class... Ts>
void get_alternative(std::size_t index, std::string_view bytes, std::variant<Ts...>& value) {
  if constexpr (I < sizeof...(Ts)) {
    if (index != I) return get_alternative<I + 1>(index, bytes, value);
    get(bytes, value.template emplace<I>());
  } else {
    throw TaggedError(format("alternative {} is not known here", index + 1));
  }
}
template <class... Ts>
void get(std::string_view bytes, std::variant<Ts...>& value) {
  const auto number = static_cast<unsigned char>(take(bytes, 1)[0]);
  get_alternative(static_cast<std::size_t>(number) - 1, bytes, value);
}
template <class T>
void get(std::string_view bytes, std::vector<T>& items) {
  for (items.clear(); !bytes.empty();) get(take_sized(bytes), items.emplace_back());
}
template <class T>
void get(std::string_view bytes, std::set<T>& items) {
  for (items.clear(); !bytes.empty();) {
    T item{};
    get(take_sized(bytes), item);
    items.insert(items.end(), std::move(item));
  }
}
template <class K, class V>
void get(std::string_view bytes, std::map<K, V>& items) {
  for (items.clear(); !bytes.empty();) {
    K key{};
    get(take_sized(bytes), key);
    get(take_sized(bytes), items.try_emplace(items.end(), std::move(key))->second);
  }
}
template <class K, class V>
void get(std::string_view bytes, core::IdTable<K, V>& items) {
  for (items = {}; !bytes.empty();) {
    K key{};
    get(take_sized(bytes), key);
    get(take_sized(bytes), items.emplace(key, V{}).first->second);
  }
}
template <class S>
requires(std::is_class_v<S>) void get(std::string_view bytes, S& value) {
  FieldReader reader(bytes);
  fields(reader, value);
  reader.finish();
}

template <class T>
void FieldReader::operator()(std::uint8_t number, const char*, T& value) {
  if (!rest_.empty() && static_cast<unsigned char>(rest_[0]) == number) {
    rest_.remove_prefix(1);
    get(take_sized(rest_), value);
  } else if constexpr (!std::is_enum_v<T>) {
    value = T{};
  }
}

}  // namespace tagalign::store
