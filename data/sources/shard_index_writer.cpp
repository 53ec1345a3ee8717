#include "data/sources/shard_index_writer.h"

#include <nlohmann/json.hpp>

#include "base/limits.h"
#include "data/sources/archives/archive_names.h"

namespace tagalign::data {
namespace {

bool is_text_name(std::string_view name) {
  const std::string extension = extension_of(name);
  return extension == "txt" || extension == "json";
}

std::string_view without_line_end(std::string_view text) {
  if (text.ends_with('\n')) text.remove_suffix(1);
  if (text.ends_with('\r')) text.remove_suffix(1);
  return text;
}

std::optional<std::string> text_field(const nlohmann::json& object, const char* name) {
  const auto field = object.find(name);
  if (field == object.end() || !field->is_string()) return std::nullopt;
  return field->get<std::string>();
}

}  // namespace

bool ShardIndexWriter::wants_text(std::string_view name, std::uint64_t bytes) {
  if (!is_text_name(name)) return false;
  if (bytes <= limits::kShardTextBytesMax) return true;
  ++findings.broken_texts;
  return false;
}

ShardIndexWriter::Pending& ShardIndexWriter::pending_of(std::string_view key) {
  const auto [entry, is_new] = numbers_.try_emplace(std::string(key), first_ + pending_.size());
  if (is_new) {
    pending_.emplace_back();
    pending_.back().key = key;
  }
  return pending_[entry->second - first_];
}

Status ShardIndexWriter::add(const ArchiveMember& member) {
  if (is_image_name(member.name)) return add_image(member);
  if (!is_text_name(member.name)) {
    ++findings.other_files;
  } else if (extension_of(member.name) == "json") {
    add_json(member);
  } else if (member.place.bytes == member.text.size()) {
    pending_of(key_of(member.name)).caption = without_line_end(member.text);
  }
  while (pending_.size() > kPendingKeysMax) TA_RETURN_IF_ERROR(write_first());
  return ok_status();
}

Status ShardIndexWriter::add_image(const ArchiveMember& member) {
  if (member.place.bytes > limits::kImageFileBytesMax) {
    ++findings.unreadable;
    return ok_status();
  }
  Pending* pending = &pending_of(key_of(member.name));
  if (!pending->name.empty()) {
    pending_.emplace_back();  // reached by no key: texts belong to the first
    pending = &pending_.back();
    pending->is_duplicate = true;
  }
  pending->name = member.name;
  pending->place = member.place;
  while (pending_.size() > kPendingKeysMax) TA_RETURN_IF_ERROR(write_first());
  return ok_status();
}

void ShardIndexWriter::add_json(const ArchiveMember& member) {
  const auto object = nlohmann::json::parse(member.text, nullptr, false);
  if (!object.is_object()) {
    if (member.place.bytes == member.text.size()) ++findings.broken_texts;
    return;
  }
  const auto caption = text_field(object, "caption");
  const auto url = text_field(object, "url");
  if (const auto status = text_field(object, "status")) ++findings.statuses[*status];
  if (!caption && !url) return;
  Pending& pending = pending_of(key_of(member.name));
  if (caption && !pending.caption) pending.caption = *caption;
  if (url) pending.url = *url;
}

Status ShardIndexWriter::finish() {
  while (!pending_.empty()) TA_RETURN_IF_ERROR(write_first());
  return ok_status();
}

Status ShardIndexWriter::write_first() {
  const Pending one = std::move(pending_.front());
  pending_.pop_front();
  ++first_;
  if (!one.is_duplicate) numbers_.erase(one.key);
  if (one.name.empty()) {
    if (one.caption) ++findings.captions_without_image;
    return ok_status();
  }
  if (one.is_duplicate) ++findings.duplicates;
  if (!one.caption && !one.is_duplicate) ++findings.without_caption;
  if (one.caption && one.caption->empty()) ++findings.empty_captions;
  const std::string_view caption = one.caption ? std::string_view(*one.caption) : "";
  const MemberHead head{one.place.offset,
                        one.place.packed_bytes,
                        one.place.bytes,
                        static_cast<std::uint32_t>(one.name.size()),
                        static_cast<std::uint32_t>(caption.size()),
                        static_cast<std::uint32_t>(one.url.size()),
                        static_cast<std::uint8_t>(one.place.coding),
                        one.caption ? std::uint8_t{1} : std::uint8_t{0},
                        one.is_duplicate ? std::uint8_t{1} : std::uint8_t{0},
                        0};
  return records_.add(
      {{reinterpret_cast<const char*>(&head), sizeof head}, one.name, caption, one.url});
}

}  // namespace tagalign::data
