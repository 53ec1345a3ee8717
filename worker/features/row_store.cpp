#include "worker/features/row_store.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>
#include <utility>

#include "base/format.h"

namespace tagalign::jobs {
namespace {

constexpr std::string_view kPrefix = "captions-";
constexpr std::string_view kSuffix = ".rows";
/// A table of fewer rows is not worth its file.
constexpr std::uint64_t kSlotsMin = 256;

/// "captions-HEX-SLOTS.rows" of this kind; unset: another file's name.
std::optional<std::uint64_t> slots_of(std::string_view name, const RowKind& kind) {
  const std::string before = format("{}{}-", kPrefix, kind.made_from.hex());
  if (!name.starts_with(before) || !name.ends_with(kSuffix)) return std::nullopt;
  const auto digits = name.substr(before.size(), name.size() - before.size() - kSuffix.size());
  std::uint64_t slots = 0;
  const auto end = std::from_chars(digits.data(), digits.data() + digits.size(), slots);
  const bool whole = end.ec == std::errc() && end.ptr == digits.data() + digits.size();
  if (!whole || slots < kSlotsMin) return std::nullopt;
  return slots;
}

}  // namespace

RowStore::RowStore(FileSystem& files, Clock& clock, RowStoreOptions options, OpenRowFile open_file)
    : files_(files),
      clock_(clock),
      options_(std::move(options)),
      open_file_(std::move(open_file)) {}

/// The largest table has most of the rows.
bool RowStore::find(const Digest128& key, std::span<std::byte> row) {
  for (std::size_t i = tables_.size(); i-- > 0;) {
    const auto found = tables_[i].find(key, row);
    if (found.ok() && *found == RowTable::Found::kYes) return true;
    if (found.ok() && *found == RowTable::Found::kDamaged) {
      tell_damage(
          format("{}: a row does not match its checksum; it is computed again, and so is "
                 "any other that is found so",
                 tables_[i].path().string()));
    }
    if (found.ok()) continue;
    tell_damage(format("{}; its rows are computed again", found.status().message()));
    broken_.push_back(tables_[i].slots());
    tables_.erase(tables_.begin() + static_cast<std::ptrdiff_t>(i));
  }
  return false;
}

bool RowStore::look_again() {
  const std::size_t before = tables_.size();
  const Status opened = open_new_tables();
  if (!opened.ok()) tell_damage(format("{}; what lies there is computed again", opened.message()));
  return tables_.size() > before;
}

/// The smallest table first: it has the densest pages.
void RowStore::keep(const Digest128& key, ByteSpan row) {
  while (keeps_) {
    for (RowTable& table : tables_) {
      const auto kept = table.keep(key, row);
      if (!kept.ok()) return stop_keeping(kept.status().message());
      if (*kept) return;
    }
    if (full_) return;
    const auto grown = grow();
    if (!grown.ok()) return stop_keeping(grown.status().message());
    full_ = !*grown;
  }
}

std::vector<std::string> RowStore::take_notices() {
  return std::exchange(notices_, {});
}

Status RowStore::open_new_tables() {
  const auto names = files_.list_directory(options_.folder);
  if (names.status().code() == ErrorCode::kNotFound) return ok_status();
  if (!names.ok()) return names.status();
  for (const std::string& name : *names) {
    const auto slots = slots_of(name, options_.kind);
    const auto known = [&](const RowTable& table) { return table.slots() == *slots; };
    if (!slots || is_broken(*slots) || std::ranges::any_of(tables_, known)) continue;
    const Status opened = open_table(*slots);
    if (opened.ok()) continue;
    tell_damage(format("{}; its rows are computed again", opened.message()));
    broken_.push_back(*slots);
  }
  return ok_status();
}

Status RowStore::open_table(std::uint64_t slots) {
  TA_ASSIGN_OR_RETURN(auto table, RowTable::open(open_file_, path_of(slots), options_.kind, slots));
  tables_.push_back(std::move(table));
  std::ranges::sort(tables_, {}, &RowTable::slots);
  return ok_status();
}

Path RowStore::path_of(std::uint64_t slots) const {
  return options_.folder /
         format("{}{}-{}{}", kPrefix, options_.kind.made_from.hex(), slots, kSuffix);
}

bool RowStore::is_broken(std::uint64_t slots) const {
  return std::ranges::find(broken_, slots) != broken_.end();
}

Result<bool> RowStore::grow() {
  const std::size_t before = tables_.size();
  TA_RETURN_IF_ERROR(files_.create_directories(options_.folder));
  TA_RETURN_IF_ERROR(open_new_tables());
  if (tables_.size() > before) return true;
  std::uint64_t slots = tables_.empty() ? kFirstSlots : tables_.back().slots() * kGrowth;
  TA_ASSIGN_OR_RETURN(const std::uint64_t room,
                      make_room(RowTable::bytes_of(options_.kind, slots)));
  slots = std::min(slots, RowTable::slots_in(options_.kind, room));
  if (slots < kSlotsMin || is_broken(slots) || files_.exists(path_of(slots))) return false;
  const std::uint64_t bytes = RowTable::bytes_of(options_.kind, slots);
  TA_ASSIGN_OR_RETURN(const std::uint64_t free, files_.free_bytes(options_.folder));
  if (free / 2 < bytes) {
    return no_space(format("begin {}: expected twice its {} bytes on the disk, found {} free",
                           path_of(slots).string(), bytes, free));
  }
  TA_RETURN_IF_ERROR(open_table(slots));
  return true;
}

Result<std::vector<RowStore::Stored>> RowStore::all_tables() const {
  std::vector<Stored> all;
  TA_ASSIGN_OR_RETURN(const auto names, files_.list_directory(options_.folder));
  for (const std::string& name : names) {
    if (!name.starts_with(kPrefix) || !name.ends_with(kSuffix)) continue;
    const Path path = options_.folder / name;
    const auto bytes = files_.file_size(path);
    const auto used = modified_ms(path);
    if (bytes.ok() && used.ok()) all.push_back({path, *bytes, *used});  // others may remove it now
  }
  std::ranges::sort(all, {}, &Stored::used_ms);
  return all;
}

Result<std::uint64_t> RowStore::make_room(std::uint64_t wanted) {
  TA_ASSIGN_OR_RETURN(const auto all, all_tables());
  std::uint64_t used = 0;
  for (const Stored& each : all) used += each.bytes;
  for (const Stored& each : all) {
    if (used + wanted <= options_.bytes_max) break;
    const bool ours = slots_of(each.path.filename().string(), options_.kind).has_value();
    if (ours || clock_.unix_ms() - each.used_ms < kUnusedMs) continue;
    TA_RETURN_IF_ERROR(files_.remove_all(each.path));
    used -= each.bytes;
  }
  return options_.bytes_max - std::min(used, options_.bytes_max);
}

void RowStore::stop_keeping(const std::string& why) {
  keeps_ = false;
  notices_.push_back(format("{}; rows that are not there already are not kept", why));
}

void RowStore::tell_damage(const std::string& what) {
  if (!std::exchange(damage_told_, true)) notices_.push_back(what);
}

}  // namespace tagalign::jobs
