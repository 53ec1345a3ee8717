/// The byte form of structs: two cereal archives over memory, safe against hostile input.
///
/// Numbers are little-endian, sizes 64 bit, enums their underlying number. A reader never allocates
/// more than a small multiple of the bytes that remain: every size is checked first, and vectors
/// grow only as elements arrive. Used with serialize.h by the codec and by the store.
#pragma once

#include <bit>
#include <cereal/cereal.hpp>
#include <cereal/types/map.hpp>
#include <cereal/types/optional.hpp>
#include <cereal/types/string.hpp>
#include <cereal/types/utility.hpp>
#include <cereal/types/variant.hpp>
#include <cereal/types/vector.hpp>
#include <cstring>
#include <exception>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/format.h"
#include "base/status.h"

namespace tagalign::wire {

static_assert(std::endian::native == std::endian::little, "the wire format is little-endian");

class WireWriter : public cereal::OutputArchive<WireWriter, cereal::AllowEmptyClassElision> {
 public:
  explicit WireWriter(std::string& target) : OutputArchive(this), target_(target) {}
  void write(const void* data, std::size_t size) {
    target_.append(static_cast<const char*>(data), size);
  }

 private:
  std::string& target_;
};

class WireReader : public cereal::InputArchive<WireReader, cereal::AllowEmptyClassElision> {
 public:
  explicit WireReader(std::string_view source) : InputArchive(this), rest_(source) {}
  std::size_t remaining() const { return rest_.size(); }
  /// Throws cereal::Exception when fewer bytes remain.
  void read(void* data, std::size_t size) {
    require(size);
    if (size != 0) std::memcpy(data, rest_.data(), size);
    rest_.remove_prefix(size);
  }
  void require(std::uint64_t size) const {
    if (size > rest_.size()) {
      throw cereal::Exception(format("expected {} more bytes, found {}", size, rest_.size()));
    }
  }

 private:
  std::string_view rest_;
};

template <class T>
requires std::is_arithmetic_v<T>
void save(WireWriter& out, const T& value) {
  out.write(&value, sizeof value);
}

template <class T>
requires std::is_arithmetic_v<T>
void load(WireReader& in, T& value) {
  if constexpr (std::is_same_v<T, bool>) {
    std::uint8_t byte = 0;
    in.read(&byte, 1);
    if (byte > 1) throw cereal::Exception(format("expected a truth value 0 or 1, found {}", byte));
    value = byte == 1;
  } else {
    in.read(&value, sizeof value);
  }
}

template <class T>
void save(WireWriter& out, const cereal::NameValuePair<T>& pair) {
  out(pair.value);
}
template <class T>
void load(WireReader& in, cereal::NameValuePair<T>& pair) {
  in(pair.value);
}

template <class T>
void save(WireWriter& out, const cereal::SizeTag<T>& tag) {
  out(static_cast<std::uint64_t>(tag.size));
}
/// Every element takes at least one byte, so that a size above the remaining bytes is a lie.
template <class T>
void load(WireReader& in, cereal::SizeTag<T>& tag) {
  std::uint64_t size = 0;
  in(size);
  in.require(size);
  tag.size = static_cast<std::remove_reference_t<T>>(size);
}

template <class T>
void save(WireWriter& out, const cereal::BinaryData<T>& data) {
  out.write(data.data, static_cast<std::size_t>(data.size));
}
template <class T>
void load(WireReader& in, cereal::BinaryData<T>& data) {
  in.read(data.data, static_cast<std::size_t>(data.size));
}

/// Preferred to cereal's own, which resizes before it reads.
template <class T, class A>
void load(WireReader& in, std::vector<T, A>& vector) {
  cereal::size_type size = 0;
  in(cereal::make_size_tag(size));
  vector.clear();
  if constexpr (std::is_arithmetic_v<T>) {
    if (size > in.remaining() / sizeof(T)) {
      throw cereal::Exception(format("{} numbers cannot be in {} bytes", size, in.remaining()));
    }
    vector.resize(static_cast<std::size_t>(size));
    in.read(vector.data(), vector.size() * sizeof(T));
  } else {
    for (cereal::size_type i = 0; i < size; ++i) in(vector.emplace_back());
  }
}

/// The bytes of any value that serialize.h, or the caller's own serialize(), knows.
template <class T>
std::string to_bytes(const T& value) {
  std::string bytes;
  WireWriter out(bytes);
  out(value);
  return bytes;
}

/// The reverse. kDataLoss when the bytes are too few, too many or hold an impossible value.
template <class T>
Result<T> from_bytes(std::string_view bytes) {
  try {
    Result<T> value = T{};  // read in place: no message is moved
    WireReader in(bytes);
    in(*value);
    if (in.remaining() != 0) {
      return data_loss(format("{} bytes follow the end of the message", in.remaining()));
    }
    return value;
  } catch (const std::exception& error) {
    return data_loss(error.what());
  }
}

}  // namespace tagalign::wire

CEREAL_SETUP_ARCHIVE_TRAITS(tagalign::wire::WireReader, tagalign::wire::WireWriter)
