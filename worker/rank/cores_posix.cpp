#include "worker/rank/cores_posix.h"

#include <sched.h>

#include <charconv>
#include <sstream>

#include "base/format.h"

namespace tagalign::jobs {
namespace {

constexpr int kCoresMax = CPU_SETSIZE;

std::optional<int> parse_core(std::string_view text) {
  int core = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), core);
  const bool whole = !text.empty() && error == std::errc() && end == text.data() + text.size();
  return whole && core >= 0 && core < kCoresMax ? std::optional(core) : std::nullopt;
}

}  // namespace

Result<std::vector<int>> parse_core_list(std::string_view text) {
  std::vector<int> cores;
  std::istringstream ranges{std::string(text)};
  for (std::string range; std::getline(ranges, range, ',');) {
    const std::size_t dash = range.find('-');
    const auto first = parse_core(std::string_view(range).substr(0, dash));
    const auto last = dash == std::string::npos ? first : parse_core(range.substr(dash + 1));
    if (!first || !last || *last < *first) {
      return invalid_argument(format(
          "reading a list of cores: expected numbers and ranges as 0-3,8, found '{}'", text));
    }
    for (int core = *first; core <= *last; ++core) cores.push_back(core);
  }
  return cores;
}

std::optional<std::string> bind_near(const std::string& lists, int device) {
  std::istringstream entries(lists);
  std::string list;
  for (int i = 0; i <= device; ++i) {
    if (!std::getline(entries, list, ';')) return std::nullopt;
  }
  const auto cores = parse_core_list(list);
  if (!cores.ok() || cores->empty()) return std::nullopt;
  cpu_set_t allowed, wanted;
  CPU_ZERO(&allowed);
  CPU_ZERO(&wanted);
  if (::sched_getaffinity(0, sizeof allowed, &allowed) != 0) return std::nullopt;
  for (const int core : *cores) {
    if (CPU_ISSET(core, &allowed)) CPU_SET(core, &wanted);
  }
  const bool bound = CPU_COUNT(&wanted) > 0 && ::sched_setaffinity(0, sizeof wanted, &wanted) == 0;
  return bound ? std::optional(list) : std::nullopt;
}

}  // namespace tagalign::jobs
