#include "coordinator/cli/convert/slot_time.h"

#include <algorithm>
#include <cctype>

#include "base/clock.h"
#include "base/format.h"

namespace tagalign::cli {
namespace {

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

}  // namespace

std::optional<double> useful_percent(const wire::GoodputRow& row) {
  const std::int64_t useful = row.training + row.evaluating + row.untold;
  const std::int64_t held = useful + row.starting + row.loading + row.saving + row.lost + row.hung;
  if (held == 0) return std::nullopt;
  return 100.0 * static_cast<double>(useful) / static_cast<double>(held);
}

std::string slot_time_text(const wire::GoodputRow& row) {
  std::string text;
  for (const SlotTimePart& part : kSlotTimeParts) {
    if (row.*part.time == 0) continue;
    text += format("{}{} {}", text.empty() ? "" : ", ", lower(part.title),
                   format_duration(row.*part.time));
  }
  if (const auto percent = useful_percent(row)) text += format("; {:.1f} % useful", *percent);
  return text;
}

}  // namespace tagalign::cli
