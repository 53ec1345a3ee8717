#include "slurm/duration.h"

#include <algorithm>
#include <array>
#include <vector>

#include "base/format.h"
#include "slurm/text.h"

namespace tagalign::slurm {
namespace {

constexpr std::int64_t kMinute = 60;
constexpr std::int64_t kHour = 60 * kMinute;
constexpr std::int64_t kDay = 24 * kHour;
constexpr std::int64_t kNumberMax = 100'000'000;

std::optional<std::int64_t> parse_count(std::string_view text) {
  const auto value = parse_number<std::int64_t>(text);
  return value && text.front() != '-' && *value <= kNumberMax ? value : std::nullopt;
}

std::optional<std::vector<std::int64_t>> parse_fields(std::string_view text) {
  std::vector<std::int64_t> fields;
  for (const std::string_view field : split(text, ':')) {
    const auto count = parse_count(field);
    if (!count) return std::nullopt;
    fields.push_back(*count);
  }
  return fields;
}

/// With days the fields begin at hours; without, one or two fields begin at minutes.
std::optional<std::int64_t> seconds_of(std::string_view text) {
  const auto dash = text.find('-');
  const bool with_days = dash != std::string_view::npos;
  std::int64_t seconds = 0;
  if (with_days) {
    const auto days = parse_count(text.substr(0, dash));
    if (!days) return std::nullopt;
    seconds = *days * kDay;
    text.remove_prefix(dash + 1);
  }
  // sacct gives fractions of a second, which nothing here needs.
  const auto point = text.rfind('.');
  if (point != std::string_view::npos) {
    const bool behind_a_second = text.find(':') < point && parse_count(text.substr(point + 1));
    if (!behind_a_second) return std::nullopt;
    text = text.substr(0, point);
  }
  const auto fields = parse_fields(text);
  if (!fields || fields->size() > 3) return std::nullopt;
  std::int64_t unit = with_days || fields->size() == 3 ? kHour : kMinute;
  for (const std::int64_t field : *fields) {
    seconds += field * unit;
    unit /= 60;
  }
  return seconds;
}

}  // namespace

Result<std::optional<std::int64_t>> parse_duration(std::string_view text) {
  constexpr std::array<std::string_view, 7> kNone{
      "UNLIMITED", "NOT_SET", "INVALID", "Partition_Limit", "N/A", "NONE", "Unknown"};
  if (std::ranges::find(kNone, text) != kNone.end()) return std::optional<std::int64_t>();
  if (const auto seconds = seconds_of(text)) return std::optional(*seconds);
  return invalid_argument(format(
      "reading a Slurm duration: expected [D-]H:M:S, M:S or minutes, found '{}'", quotable(text)));
}

std::string format_duration(std::int64_t seconds) {
  const std::string clock = format("{:02}:{:02}:{:02}", seconds % kDay / kHour,
                                   seconds % kHour / kMinute, seconds % kMinute);
  return seconds < kDay ? clock : format("{}-{}", seconds / kDay, clock);
}

}  // namespace tagalign::slurm
