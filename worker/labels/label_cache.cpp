#include "worker/labels/label_cache.h"

#include <algorithm>
#include <charconv>
#include <string_view>

#include "base/format.h"
#include "checkpoint/safetensors.h"

namespace tagalign::jobs {
namespace {

constexpr std::string_view kPrefix = "labels-";
constexpr std::string_view kSuffix = ".safetensors";
constexpr std::string_view kUnfinished = ".labels-";
constexpr std::size_t kKeyChars = 32;
constexpr const char* kTensor = "rows";
constexpr const char* kFormat = "tagalign-labels 1";

using Metadata = std::map<std::string, std::string>;

/// What a file of these rows says of itself.
Metadata metadata_of(const LabelKey& key, ByteSpan rows) {
  return {
      {"format", kFormat}, {"made_from", key.made_from.hex()}, {"xxh3_128", digest128(rows).hex()}};
}

/// Why the file does not hold the rows of `key`; empty: it does.
std::string fault_of(const checkpoint::SafetensorsFile& file, const LabelKey& key) {
  const auto found = file.tensors.find(kTensor);
  if (found == file.tensors.end() || found->second.dtype != checkpoint::DType::kF32 ||
      found->second.shape != std::vector<std::int64_t>{key.count, key.width})
    return "no such rows";
  const Metadata expected = metadata_of(key, found->second.bytes);
  for (const auto& [name, value] : expected) {
    const auto said = file.metadata.find(name);
    if (said == file.metadata.end()) return format("no {}", name);
    if (said->second != value) return format("another {}", name);
  }
  return "";
}

}  // namespace

Result<std::vector<LabelCache::Stored>> LabelCache::stored() const {
  std::vector<Stored> all;
  const auto names = files_.list_directory(folder_);
  if (names.status().code() == ErrorCode::kNotFound) return all;
  if (!names.ok()) return names.status();
  for (const std::string& name : *names) {
    const std::string_view text = name;
    if (!text.starts_with(kPrefix) || !text.ends_with(kSuffix)) continue;
    const auto middle = text.substr(kPrefix.size(), text.size() - kPrefix.size() - kSuffix.size());
    Stored one;
    one.name = name;
    const auto end = std::from_chars(middle.data(), middle.data() + middle.size(), one.number);
    if (end.ec != std::errc() || middle.end() - end.ptr != kKeyChars + 1 || *end.ptr != '-')
      continue;
    one.key = std::string(end.ptr + 1, kKeyChars);
    all.push_back(std::move(one));
  }
  std::ranges::sort(all, {}, &Stored::number);
  return all;
}

Result<std::string> LabelCache::find(const LabelKey& key) const {
  TA_ASSIGN_OR_RETURN(const auto all, stored());
  const std::string hex = key.made_from.hex();
  const auto newest =
      std::find_if(all.rbegin(), all.rend(), [&](const Stored& one) { return one.key == hex; });
  if (newest == all.rend())
    return not_found(format("{}: no rows of labels {}", folder_.string(), hex));
  const Path path = folder_ / newest->name;
  TA_ASSIGN_OR_RETURN(const auto file, checkpoint::read_safetensors(files_, path));
  if (const std::string fault = fault_of(file, key); !fault.empty()) {
    return data_loss(format("{}: expected rows of {} labels with their digest, found {}",
                            path.string(), key.count, fault));
  }
  const checkpoint::ByteBuffer& bytes = file.tensors.at(kTensor).bytes;
  return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

Status LabelCache::keep(const LabelKey& key, ByteSpan rows) const {
  TA_CHECK(rows.size() == key.bytes(), "all rows of the key");
  TA_RETURN_IF_ERROR(files_.create_directories(folder_));
  TA_RETURN_IF_ERROR(remove_leftovers());
  TA_ASSIGN_OR_RETURN(const auto before, stored());
  const std::uint64_t number = before.empty() ? 1 : before.back().number + 1;
  const std::string hex = key.made_from.hex();
  TA_RETURN_IF_ERROR(checkpoint::write_safetensors(
      files_, folder_ / format("{}{:06}-{}{}", kPrefix, number, hex, kSuffix),
      {{.name = kTensor, .shape = {key.count, key.width}, .bytes = rows}}, metadata_of(key, rows)));
  std::size_t kept = 1;
  for (auto old = before.rbegin(); old != before.rend(); ++old) {
    if (old->key != hex && ++kept <= kFilesMax) continue;
    TA_RETURN_IF_ERROR(files_.remove_all(folder_ / old->name));
  }
  return ok_status();
}

/// Of starts that were killed while they wrote.
Status LabelCache::remove_leftovers() const {
  TA_ASSIGN_OR_RETURN(const auto names, files_.list_directory(folder_));
  for (const std::string& name : names) {
    if (name.starts_with(kUnfinished)) TA_RETURN_IF_ERROR(files_.remove_all(folder_ / name));
  }
  return ok_status();
}

}  // namespace tagalign::jobs
