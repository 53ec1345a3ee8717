#include "coordinator/replay/what_if.h"

#include <algorithm>
#include <charconv>
#include <map>

#include "base/format.h"

namespace tagalign::replay {
namespace {

constexpr std::int64_t kNumberMax = 1'000'000'000;

std::optional<std::int64_t> number(const std::string& text, std::int64_t least) {
  std::int64_t value = 0;
  const char* end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, value);
  if (read.ec != std::errc() || read.ptr != end || value < least || value > kNumberMax)
    return std::nullopt;
  return value;
}

std::optional<bool> choice(const std::string& text) {
  if (text == "on") return true;
  if (text == "off") return false;
  return std::nullopt;
}

/// False for an unknown key, or a value that is none.
bool set(WhatIf& what_if, const std::string& key, const std::string& value) {
  const std::map<std::string, bool*> choices{{"priorities", &what_if.priorities},
                                             {"backfill", &what_if.backfill},
                                             {"preemption", &what_if.preemption},
                                             {"failures", &what_if.failures}};
  if (const auto found = choices.find(key); found != choices.end()) {
    const auto chosen = choice(value);
    if (chosen) *found->second = *chosen;
    return chosen.has_value();
  }
  const auto given = number(value, key == "retries" ? 0 : 1);
  if (!given) return false;
  if (key == "slots") what_if.slots = static_cast<int>(*given);
  if (key == "agents") what_if.agents = static_cast<int>(*given);
  if (key == "retries") what_if.retries = static_cast<int>(*given);
  if (key == "checkpoint.every") what_if.checkpoint_every = static_cast<std::uint64_t>(*given);
  return key == "slots" || key == "agents" || key == "retries" || key == "checkpoint.every";
}

}  // namespace

Result<WhatIf> parse_what_if(const std::string& text) {
  WhatIf what_if;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    const std::string part = text.substr(begin, end - begin);
    const std::size_t equals = std::min(part.find('='), part.size());
    const std::string value = equals < part.size() ? part.substr(equals + 1) : "";
    if (!set(what_if, part.substr(0, equals), value)) {
      return invalid_argument(format(
          "--what-if: '{}' is not understood; there are slots=N, agents=N, "
          "checkpoint.every=STEPS, retries=N, and priorities, backfill, preemption, failures "
          "with =on or =off, separated by commas",
          part));
    }
    begin = end + 1;
  }
  return what_if;
}

}  // namespace tagalign::replay
