#include "base/log.h"

#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <cstdlib>
#include <memory>
#include <vector>

#include "base/utf8.h"

namespace tagalign {
namespace {

spdlog::level::level_enum to_spdlog(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarning:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
    case LogLevel::kSilent:
      return spdlog::level::off;
  }
  return spdlog::level::info;
}

LogLevel level_from_environment(LogLevel fallback) {
  const char* text = std::getenv("TAGALIGN_LOG");
  const std::string_view name = text == nullptr ? "" : text;
  if (name == "debug") return LogLevel::kDebug;
  if (name == "info") return LogLevel::kInfo;
  if (name == "warning") return LogLevel::kWarning;
  if (name == "error") return LogLevel::kError;
  return fallback;
}

}  // namespace

Status init_log(const LogOptions& options) {
  try {
    std::vector<spdlog::sink_ptr> sinks{std::make_shared<spdlog::sinks::stderr_sink_mt>()};
    if (options.file)
      sinks.push_back(std::make_shared<spdlog::sinks::basic_file_sink_mt>(options.file->string()));
    auto logger = std::make_shared<spdlog::logger>(options.component, sinks.begin(), sinks.end());
    logger->set_level(to_spdlog(level_from_environment(options.level)));
    logger->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %-7l %n  %v", spdlog::pattern_time_type::utc);
    logger->flush_on(spdlog::level::info);
    spdlog::set_default_logger(std::move(logger));
  } catch (const spdlog::spdlog_ex& error) {
    return invalid_argument(
        fmt::format("log file {}: {}", options.file ? options.file->string() : "", error.what()));
  }
  return ok_status();
}

void log_line(LogLevel level, std::string_view message) {
  spdlog::default_logger_raw()->log(to_spdlog(level), printable_lines(message));
}

}  // namespace tagalign
