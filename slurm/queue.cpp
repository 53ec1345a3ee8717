#include "slurm/queue.h"

#include <algorithm>
#include <array>
#include <ctime>
#include <optional>

#include "base/format.h"
#include "slurm/text.h"

namespace tagalign::slurm {
namespace {

constexpr std::size_t kFields = 8;

/// Comment and reason come last: they alone may hold the separator.
constexpr const char* kFormat =
    "JobID:|,Name:|,State:|,RestartCnt:|,EndTime:|,NodeList:|,Comment:|,Reason:|";

std::string value_or_empty(std::string_view text) {
  return text == "(null)" || text == "N/A" ? "" : std::string(text);
}

/// A count that Slurm does not tell is 0.
std::optional<int> parse_restarts(std::string_view text) {
  return value_or_empty(text).empty() ? 0 : parse_number<int>(text);
}

/// nullopt for a line that is not whole. Each field is followed by a separator.
std::optional<UserQueueRow> parse_row(std::string_view line) {
  const auto fields = split(line, '|');
  if (fields.size() < kFields + 1 || !fields.back().empty() || !parse_job(trimmed(fields[0])))
    return std::nullopt;
  const auto restarts = parse_restarts(trimmed(fields[3]));
  if (!restarts) return std::nullopt;
  // A time that is not known makes a job no less there.
  const auto ends_s = parse_time(trimmed(fields[4]));
  return UserQueueRow{.job = std::string(trimmed(fields[0])),
                      .name = std::string(fields[1]),
                      .state = std::string(trimmed(fields[2])),
                      .restarts = *restarts,
                      .ends_s = ends_s.ok() ? *ends_s : 0,
                      .nodes = value_or_empty(trimmed(fields[5])),
                      .comment = value_or_empty(fields[6]),
                      .reason = value_or_empty(fields[7])};
}

/// A line without a separator is no part of a row: "CLUSTER: c1", a word of the site. But an error says
/// that rows are missing.
bool is_foreign(std::string_view line) {
  return line.find('|') == std::string_view::npos && line.find("error") == std::string_view::npos &&
         !is_unanswered(line);
}

/// One line, or the rest of the output, which may lack the end of its last field.
void take_line(UserQueue& queue, std::string_view line, bool whole) {
  while (line.ends_with('\r')) line.remove_suffix(1);
  auto row = whole ? parse_row(line) : std::nullopt;
  if (row) {
    queue.rows.push_back(std::move(*row));
  } else if (!(whole && is_foreign(line)) && !line.empty() && queue.damage.empty()) {
    queue.damage =
        format("reading what squeue printed: expected {}, found '{}'", kFormat, quotable(line));
  }
}

}  // namespace

std::vector<std::string> user_queue_command(const std::string& user) {
  return {"squeue", "--noheader", "--user=" + user, format("--Format={}", kFormat)};
}

UserQueue parse_user_queue(std::string_view output) {
  UserQueue queue;
  while (!output.empty()) {
    const auto end = output.find('\n');
    const std::string_view line = output.substr(0, end);
    take_line(queue, line, end != std::string_view::npos);
    output.remove_prefix(end == std::string_view::npos ? output.size() : end + 1);
  }
  return queue;
}

Result<std::int64_t> parse_time(std::string_view text) {
  constexpr std::array<std::string_view, 8> kNever{"N/A",     "Unknown", "NONE",      "",
                                                   "INVALID", "NOT_SET", "UNLIMITED", "(null)"};
  if (std::ranges::find(kNever, text) != kNever.end()) return 0;
  if (const auto seconds = parse_number<std::int64_t>(text)) return *seconds;
  std::tm local{};
  const std::string terminated(text);
  const char* end = ::strptime(terminated.c_str(), "%Y-%m-%dT%H:%M:%S", &local);
  local.tm_isdst = -1;
  if (end != nullptr && *end == '\0') return static_cast<std::int64_t>(std::mktime(&local));
  return invalid_argument(
      format("reading a time of Slurm: expected seconds or YYYY-MM-DDTHH:MM:SS, found '{}'",
             quotable(text)));
}

bool is_unanswered(std::string_view message) {
  constexpr std::array<std::string_view, 8> kSigns{"Unable to contact slurm controller",
                                                   "Socket timed out",
                                                   "Connection refused",
                                                   "Connection timed out",
                                                   "Communication connection failure",
                                                   "Zero Bytes were transmitted",
                                                   "backup controller in standby",
                                                   "Transport endpoint is not connected"};
  return std::ranges::any_of(
      kSigns, [&](std::string_view sign) { return message.find(sign) != std::string_view::npos; });
}

}  // namespace tagalign::slurm
