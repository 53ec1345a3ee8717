#include "tests/support/torch_files.h"

#include <zlib.h>

#include <cstring>

namespace tagalign::testing {
namespace {

template <class T>
std::string little_endian(T value) {
  std::string bytes(sizeof(T), '\0');
  std::memcpy(bytes.data(), &value, sizeof(T));
  return bytes;
}

/// What a local header and a directory entry share.
std::string common_fields(const ZipEntry& entry) {
  const auto size = static_cast<std::uint32_t>(entry.bytes.size());
  const auto crc = static_cast<std::uint32_t>(
      crc32(0, reinterpret_cast<const Bytef*>(entry.bytes.data()), static_cast<uInt>(size)));
  constexpr std::uint16_t kVersion = 20, kFlags = 0, kTime = 0, kDate = 0x21, kNoExtra = 0;
  return little_endian(kVersion) + little_endian(kFlags) + little_endian(entry.method) +
         little_endian(kTime) + little_endian(kDate) + little_endian(crc) + little_endian(size) +
         little_endian(entry.announced_bytes == 0 ? size : entry.announced_bytes) +
         little_endian(static_cast<std::uint16_t>(entry.name.size())) + little_endian(kNoExtra);
}

}  // namespace

PickleWriter& PickleWriter::raw(const std::string& code) {
  bytes += code;
  return *this;
}

PickleWriter& PickleWriter::text(const std::string& value) {
  return raw("X" + little_endian(static_cast<std::uint32_t>(value.size())) + value);
}

PickleWriter& PickleWriter::integer(std::int64_t value) {
  return raw("\x8a\x08" + little_endian(value));
}

PickleWriter& PickleWriter::global(const std::string& module, const std::string& name) {
  return raw("c" + module + "\n" + name + "\n");
}

PickleWriter& PickleWriter::integers(const std::vector<std::int64_t>& values) {
  raw("(");
  for (const std::int64_t value : values) integer(value);
  return raw("t");
}

PickleWriter& PickleWriter::tensor(const View& view) {
  global("torch._utils", "_rebuild_tensor_v2").raw("((");
  text("storage").global("torch", view.type).text(view.key).text("cpu").integer(view.elements);
  raw(view.part + "tQ").integer(view.offset).integers(view.sizes).integers(view.strides);
  return raw("\x89").global("collections", "OrderedDict").raw(")RtR");
}

std::string zip_archive(const std::vector<ZipEntry>& entries) {
  std::string archive, directory;
  for (const ZipEntry& entry : entries) {
    constexpr std::uint16_t kMadeBy = 20, kNone = 0;
    constexpr std::uint32_t kAttributes = 0;
    directory += "PK\x01\x02" + little_endian(kMadeBy) + common_fields(entry) +
                 little_endian(kNone) + little_endian(kNone) + little_endian(kNone) +
                 little_endian(kAttributes) +
                 little_endian(static_cast<std::uint32_t>(archive.size())) + entry.name;
    archive += "PK\x03\x04" + common_fields(entry) + entry.name + entry.bytes;
  }
  const auto count = static_cast<std::uint16_t>(entries.size());
  constexpr std::uint16_t kDisk = 0, kNoComment = 0;
  const auto begin = static_cast<std::uint32_t>(archive.size());
  return archive + directory + "PK\x05\x06" + little_endian(kDisk) + little_endian(kDisk) +
         little_endian(count) + little_endian(count) +
         little_endian(static_cast<std::uint32_t>(directory.size())) + little_endian(begin) +
         little_endian(kNoComment);
}

std::string torch_archive(const std::string& pickle,
                          const std::vector<std::pair<std::string, std::string>>& storages) {
  std::vector<ZipEntry> entries = {{.name = "archive/data.pkl", .bytes = pickle}};
  for (const auto& [key, bytes] : storages)
    entries.push_back({.name = "archive/data/" + key, .bytes = bytes});
  entries.push_back({.name = "archive/version", .bytes = "3\n"});
  return zip_archive(entries);
}

std::string torch_stream(const std::string& pickle, const std::vector<StreamStorage>& storages) {
  PickleWriter magic, protocol, machine, keys;
  magic.raw("\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19");
  protocol.raw("M\xe9\x03");
  machine.raw("}(").text("protocol_version").raw("M\xe9\x03").text("little_endian").raw("\x88u");
  keys.raw("](");
  std::string bytes;
  for (const StreamStorage& storage : storages) {
    keys.text(storage.key);
    bytes += little_endian(static_cast<std::int64_t>(storage.bytes.size() / storage.width));
    bytes += storage.bytes;
  }
  keys.raw("e");
  return magic.end() + protocol.end() + machine.end() + pickle + keys.end() + bytes;
}

std::string float_bytes(const std::vector<float>& values) {
  std::string bytes(values.size() * sizeof(float), '\0');
  std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

}  // namespace tagalign::testing
