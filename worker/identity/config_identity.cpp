#include "worker/identity/config_identity.h"

#include <algorithm>
#include <set>
#include <vector>

#include "base/format.h"

namespace tagalign::jobs {
namespace {

constexpr std::size_t kNamedMax = 8;
constexpr std::string_view kDefault = "its default";

std::string_view value_in(const config::DigestLines& lines, const std::string& key) {
  const auto line = lines.find(key);
  return line == lines.end() ? kDefault : std::string_view(line->second);
}

}  // namespace

std::string differences(const config::DigestLines& ours, const config::DigestLines& theirs) {
  if (theirs.empty()) return {};
  std::set<std::string> keys;
  for (const auto* lines : {&ours, &theirs}) {
    for (const auto& [key, value] : *lines) keys.insert(key);
  }
  std::vector<std::string> found;
  for (const std::string& key : keys) {
    const auto now = value_in(ours, key);
    const auto then = value_in(theirs, key);
    if (now != then) found.push_back(format("{} is {}, was {}", key, now, then));
  }
  const std::size_t more = found.size() - std::min(found.size(), kNamedMax);
  found.resize(found.size() - more);
  return format("{}{}", fmt::join(found, "; "), more > 0 ? format("; and {} more", more) : "");
}

}  // namespace tagalign::jobs
