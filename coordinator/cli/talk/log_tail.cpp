#include "coordinator/cli/talk/log_tail.h"

#include <algorithm>

namespace tagalign::cli {

std::string unseen_part(std::string_view before, std::string_view tail) {
  if (before.empty()) return std::string(tail);
  if (tail.starts_with(before)) return std::string(tail.substr(before.size()));
  constexpr std::size_t kAnchorBytes = 512;
  const std::string_view anchor =
      before.substr(before.size() - std::min(before.size(), kAnchorBytes));
  const std::size_t at = tail.rfind(anchor);
  return std::string(at == std::string_view::npos ? tail : tail.substr(at + anchor.size()));
}

}  // namespace tagalign::cli
