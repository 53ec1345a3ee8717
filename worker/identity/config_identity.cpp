#include "worker/identity/config_identity.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>

#include "base/format.h"

namespace tagalign::jobs {
namespace {

constexpr std::size_t kNamedMax = 8;
constexpr std::string_view kDefault = "its default";

/// What may differ between two attempts of one run although its numbers depend on it: the course of
/// the learning rate from here on, and what only moves roundings, as another number of ranks does.
/// Keys that keep the numbers may always differ: paths, threads of the loader, when to save and
/// what to keep, sharding. Everything else makes another run.
constexpr std::array<std::string_view, 8> kMayChange = {
    "optimizer.base_lr",        "optimizer.lr_reference_batch",
    "optimizer.min_lr",         "optimizer.schedule",
    "optimizer.warmup_steps",   "runtime.bucket_mib",
    "runtime.threads_per_rank", "steps"};

/// One key in both configurations.
struct Both {
  std::optional<std::string> now, then;
  bool keeps_numbers = true;  ///< in both
};

std::map<std::string, Both> side_by_side(const config::DigestLines& ours,
                                         const config::DigestLines& theirs) {
  std::map<std::string, Both> all;
  const auto add = [&](const config::DigestLines& lines, std::optional<std::string> Both::*side) {
    for (const auto& [key, value] : lines) {
      const bool keeps = key.starts_with(kKeepsNumbers);
      Both& both = all[keeps ? key.substr(1) : key];
      both.*side = value;
      both.keeps_numbers = both.keeps_numbers && keeps;
    }
  };
  add(ours, &Both::now);
  add(theirs, &Both::then);
  return all;
}

}  // namespace

ConfigIdentity identity_of(const config::DigestLines& numbers, const config::DigestLines& others) {
  ConfigIdentity identity{config::digest_of(numbers), numbers};
  for (const auto& [key, value] : others) identity.settings[kKeepsNumbers + key] = value;
  return identity;
}

SettingChanges changes_between(const config::DigestLines& ours, const config::DigestLines& theirs) {
  SettingChanges changes;
  for (const auto& [key, both] : side_by_side(ours, theirs)) {
    if (both.now == both.then) continue;
    const bool may = std::ranges::find(kMayChange, key) != kMayChange.end();
    auto& list = both.keeps_numbers ? changes.silent : may ? changes.told : changes.refused;
    list.push_back(
        {key, both.now.value_or(std::string(kDefault)), both.then.value_or(std::string(kDefault))});
  }
  return changes;
}

std::string words_of(const std::vector<SettingChange>& changes) {
  std::vector<std::string> words;
  for (const SettingChange& change : changes) {
    if (words.size() == kNamedMax) break;
    words.push_back(format("{} is {}, was {}", change.key, change.now, change.then));
  }
  const std::size_t more = changes.size() - words.size();
  return format("{}{}", fmt::join(words, "; "), more > 0 ? format("; and {} more", more) : "");
}

}  // namespace tagalign::jobs
