#include "data/datasets/captions/caption_table.h"

#include <cstring>

#include "base/format.h"

namespace tagalign::data {
namespace {

struct EntryHead {
  std::uint64_t offset;
  std::uint64_t packed_bytes;
  std::uint64_t bytes;
  std::uint32_t shard;
  std::uint32_t file_bytes;
  std::uint32_t caption_bytes;
  std::uint32_t name_bytes;  ///< of the member; 0: as the file
  std::uint32_t url_bytes;
  std::uint32_t tags;
  std::uint32_t coding;
  std::uint32_t attributes;  ///< 0 in every table that was made before there were any
};
static_assert(sizeof(EntryHead) == 56);

template <class T>
std::string_view bytes_of(const T* values, std::size_t count) {
  return {reinterpret_cast<const char*>(values), count * sizeof(T)};
}

void add_text(Hasher128& hasher, std::string_view text) {
  hasher.update(format("{}:", text.size()));
  hasher.update(text);
}

std::string text_of(const std::vector<std::int32_t>& indices) {
  std::string text = format("{}[", indices.size());
  for (const std::int32_t index : indices) text += format("{},", index);
  return text;
}

}  // namespace

CaptionEntry caption_entry(const RecordFile& table, std::size_t index) {
  std::string_view bytes = table.record(index);
  EntryHead head;
  std::memcpy(&head, bytes.data(), sizeof head);
  bytes.remove_prefix(sizeof head);
  const auto take = [&](std::size_t length) {
    const std::string_view part = bytes.substr(0, length);
    bytes.remove_prefix(part.size());
    return part;
  };
  CaptionEntry entry;
  entry.file = take(head.file_bytes);
  entry.caption = take(head.caption_bytes);
  entry.image.name = head.name_bytes == 0 ? entry.file : take(head.name_bytes);
  entry.url = take(head.url_bytes);
  entry.image.shard = head.shard;
  entry.image.place = {head.offset, head.packed_bytes, head.bytes,
                       static_cast<MemberCoding>(head.coding)};
  const auto take_indices = [&](std::size_t count) {
    std::vector<std::int32_t> indices(count);
    const std::string_view part = take(count * sizeof(std::int32_t));
    if (count > 0) std::memcpy(indices.data(), part.data(), part.size());
    return indices;
  };
  entry.tags = take_indices(head.tags);
  entry.attributes = take_indices(head.attributes);
  return entry;
}

Status CaptionTableWriter::add(const CaptionEntry& entry) {
  add_text(hasher_, entry.file);
  add_text(hasher_, entry.caption);
  hasher_.update(text_of(entry.tags));
  // A letter tells it from the next text, which begins with its length.
  if (!entry.attributes.empty()) hasher_.update("a" + text_of(entry.attributes));
  const std::string_view name = entry.image.name == entry.file ? "" : entry.image.name;
  const EntryHead head{entry.image.place.offset,
                       entry.image.place.packed_bytes,
                       entry.image.place.bytes,
                       entry.image.shard,
                       static_cast<std::uint32_t>(entry.file.size()),
                       static_cast<std::uint32_t>(entry.caption.size()),
                       static_cast<std::uint32_t>(name.size()),
                       static_cast<std::uint32_t>(entry.url.size()),
                       static_cast<std::uint32_t>(entry.tags.size()),
                       static_cast<std::uint32_t>(entry.image.place.coding),
                       static_cast<std::uint32_t>(entry.attributes.size())};
  return records_.add({bytes_of(&head, 1), entry.file, entry.caption, name, entry.url,
                       bytes_of(entry.tags.data(), entry.tags.size()),
                       bytes_of(entry.attributes.data(), entry.attributes.size())});
}

std::string CaptionTableWriter::digest(const std::vector<std::string>& tag_names,
                                       const std::vector<std::string>& attribute_names) {
  for (const std::string& name : tag_names) add_text(hasher_, name);
  if (!attribute_names.empty()) hasher_.update("attributes");
  for (const std::string& name : attribute_names) add_text(hasher_, name);
  return hasher_.digest().hex();
}

}  // namespace tagalign::data
