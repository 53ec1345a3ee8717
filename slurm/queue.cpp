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

/// nullopt for a line that is not whole. Each field is followed by a separator.
std::optional<UserQueueRow> parse_row(std::string_view line) {
  const auto fields = split(line, '|');
  if (fields.size() < kFields + 1 || !fields.back().empty()) return std::nullopt;
  const std::string_view job = fields[0];
  if (job.empty() || job.front() < '0' || job.front() > '9') return std::nullopt;
  const auto restarts = parse_number<int>(fields[3]);
  const auto ends_s = parse_time(fields[4]);
  if (!restarts || !ends_s.ok()) return std::nullopt;
  return UserQueueRow{.job = std::string(job),
                      .name = std::string(fields[1]),
                      .state = std::string(fields[2]),
                      .restarts = *restarts,
                      .ends_s = *ends_s,
                      .nodes = value_or_empty(fields[5]),
                      .comment = value_or_empty(fields[6]),
                      .reason = value_or_empty(fields[7])};
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
    // A line without its end may lack the rest of its last field.
    auto row = end == std::string_view::npos ? std::nullopt : parse_row(line);
    if (row) {
      queue.rows.push_back(std::move(*row));
    } else if (!line.empty() && queue.damage.empty()) {
      queue.damage = format("reading what squeue printed: expected {}, found '{}'", kFormat,
                            line.substr(0, 200));
    }
    output.remove_prefix(end == std::string_view::npos ? output.size() : end + 1);
  }
  return queue;
}

Result<std::int64_t> parse_time(std::string_view text) {
  constexpr std::array<std::string_view, 4> kNever{"N/A", "Unknown", "NONE", ""};
  if (std::ranges::find(kNever, text) != kNever.end()) return 0;
  if (const auto seconds = parse_number<std::int64_t>(text)) return *seconds;
  std::tm local{};
  const std::string terminated(text);
  const char* end = ::strptime(terminated.c_str(), "%Y-%m-%dT%H:%M:%S", &local);
  local.tm_isdst = -1;
  if (end != nullptr && *end == '\0') return static_cast<std::int64_t>(std::mktime(&local));
  return invalid_argument(
      format("reading a time of Slurm: expected seconds or YYYY-MM-DDTHH:MM:SS, found '{}'", text));
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
