#include <array>
#include <utility>

#include "base/log.h"
#include "coordinator/wire/allow_list.h"

namespace tagalign::wire {
namespace {

constexpr std::uint64_t kKeyFileBytesMax = 4096;
constexpr std::size_t kZ85KeyChars = 40;
/// Between two looks for keys that nobody knows.
constexpr std::chrono::milliseconds kStrangerMs(50);

constexpr std::array<std::pair<std::string_view, KeyRole>, 4> kRoles = {
    {{"observe", KeyRole::kObserve},
     {"submit", KeyRole::kSubmit},
     {"admin", KeyRole::kAdmin},
     {"agent", KeyRole::kAgent}}};
constexpr std::string_view kAdminOfOldFolders = "client";

std::string_view first_word(std::string_view text) {
  return text.substr(0, text.find_first_of(" \t\r\n"));
}

/// Name and role of a file of the list; the key is still missing.
std::optional<AllowedKey> entry_of(const std::string& file) {
  const std::size_t dot = file.rfind('.');
  if (dot == std::string::npos || dot == 0) return std::nullopt;
  const std::string_view ending = std::string_view(file).substr(dot + 1);
  const auto role = ending == kAdminOfOldFolders ? KeyRole::kAdmin : key_role_of(ending);
  if (!role) return std::nullopt;
  return AllowedKey{.name = file.substr(0, dot), .role = *role, .public_key = "", .file = file};
}

}  // namespace

std::string_view key_role_name(KeyRole role) {
  for (const auto& [word, known] : kRoles) {
    if (known == role) return word;
  }
  return "unknown";
}

std::optional<KeyRole> key_role_of(std::string_view word) {
  for (const auto& [known, role] : kRoles) {
    if (known == word) return role;
  }
  return std::nullopt;
}

PeerRole peer_role_of(KeyRole role) {
  return role == KeyRole::kAgent ? PeerRole::kAgent : PeerRole::kClient;
}

Result<std::vector<AllowedKey>> read_allowed_keys(FileSystem& files, const Path& folder) {
  TA_ASSIGN_OR_RETURN(const auto names, files.list_directory(folder));
  std::vector<AllowedKey> keys;
  for (const std::string& name : names) {
    auto entry = entry_of(name);
    if (!entry) continue;
    const auto contents = files.read_file(folder / name, kKeyFileBytesMax);
    if (!contents.ok() && contents.status().code() == ErrorCode::kNotFound) continue;
    TA_RETURN_IF_ERROR(contents.status());
    entry->public_key = first_word(*contents);
    if (entry->public_key.size() == kZ85KeyChars) keys.push_back(std::move(*entry));
  }
  return keys;
}

AllowList::AllowList(FileSystem& files, Path folder) : files_(files), folder_(std::move(folder)) {
  look();
}

std::optional<AllowedKey> AllowList::find(std::string_view public_key) {
  const auto known = [&]() -> std::optional<AllowedKey> {
    const std::lock_guard lock(mutex_);
    const auto found = by_id_.lower_bound(public_key);
    if (found == by_id_.end() || found->second.public_key != public_key) return std::nullopt;
    return found->second;
  };
  if (auto key = known()) return key;
  const Instant now = std::chrono::steady_clock::now();
  {
    const std::lock_guard lock(mutex_);
    if (stranger_at_ && now - *stranger_at_ < kStrangerMs) return std::nullopt;
    stranger_at_ = now;
  }
  look_again(now);
  return known();
}

std::optional<AllowedKey> AllowList::still_allowed(const std::string& id) const {
  const std::lock_guard lock(mutex_);
  const auto found = by_id_.find(id);
  if (found == by_id_.end()) return std::nullopt;
  return found->second;
}

void AllowList::look() {
  const Instant now = std::chrono::steady_clock::now();
  {
    const std::lock_guard lock(mutex_);
    if (now - looked_at_ < kLookMs && looked_at_ != Instant()) return;
  }
  look_again(now);
}

/// The folder is read outside of the lock: it may lie on a slow disk.
void AllowList::look_again(Instant now) {
  auto keys = read_allowed_keys(files_, folder_);
  const std::lock_guard lock(mutex_);
  looked_at_ = now;
  if (!keys.ok()) {
    if (!std::exchange(failing_, true)) {
      log_error("read the allow-list: {}; the keys that were read last stay allowed",
                keys.status().message());
    }
    return;
  }
  failing_ = false;
  by_id_.clear();
  for (AllowedKey& key : *keys) {
    std::string id = key.id();
    by_id_.emplace(std::move(id), std::move(key));
  }
}

}  // namespace tagalign::wire
