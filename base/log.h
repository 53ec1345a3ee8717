/// Logging: spdlog behind four verbs, so that few files see its headers.
///
/// Lines go to stderr (and to a file when asked): "2026-03-01T12:30:05.123Z info  agent  message".
/// Safe from any thread. What a terminal would obey is escaped (printable_lines()). What a user asked to see (tables, answers) is not
/// a log: it goes to stdout.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/file_system.h"
#include "base/format.h"

namespace tagalign {

enum class LogLevel { kDebug, kInfo, kWarning, kError, kSilent };

struct LogOptions {
  std::string component;             ///< "coordinator", "agent", "rank 3"
  LogLevel level = LogLevel::kInfo;  ///< TAGALIGN_LOG=debug|info|warning|error overrides
  std::optional<Path> file;          ///< appended to, beside stderr
};

/// Once per process, before the first line; a second call replaces the first.
Status init_log(const LogOptions& options);

void log_line(LogLevel level, std::string_view message);

template <class... Args>
void log_debug(fmt::format_string<Args...> text, Args&&... args) {
  log_line(LogLevel::kDebug, fmt::format(text, std::forward<Args>(args)...));
}
template <class... Args>
void log_info(fmt::format_string<Args...> text, Args&&... args) {
  log_line(LogLevel::kInfo, fmt::format(text, std::forward<Args>(args)...));
}
template <class... Args>
void log_warning(fmt::format_string<Args...> text, Args&&... args) {
  log_line(LogLevel::kWarning, fmt::format(text, std::forward<Args>(args)...));
}
template <class... Args>
void log_error(fmt::format_string<Args...> text, Args&&... args) {
  log_line(LogLevel::kError, fmt::format(text, std::forward<Args>(args)...));
}

}  // namespace tagalign
