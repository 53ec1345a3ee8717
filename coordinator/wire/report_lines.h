/// What a program of an exec job says about itself: lines of JSON, appended to the file that
/// $TAGALIGN_REPORT names. Written by hand in any language, or by `tagalign report`.
///
///   {"progress": {"step": 10, "steps_total": 100, "activity": "loss 3.2"}}
///   {"checkpoint": {"step": 100, "path": "checkpoints/100", "digest": "…", "scheduled": true}}
///   {"notice": "a broken image was left out: a.jpg"}
///
/// Only step and path are required. Pure; a line that is none of these is an error value.
#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "base/status.h"
#include "coordinator/wire/messages.h"

namespace tagalign::wire {

/// The file's name in the environment of the program.
inline constexpr const char* kReportVariable = "TAGALIGN_REPORT";
/// A line that is longer is refused.
inline constexpr std::size_t kReportLineBytesMax = 64u << 10;

struct ProgressReport {
  std::uint64_t step = 0;
  std::uint64_t steps_total = 0;  ///< 0: not known
  std::string activity;
  bool operator==(const ProgressReport&) const = default;
};
struct NoticeReport {
  std::string text;
  bool operator==(const NoticeReport&) const = default;
};
/// Of a checkpoint the path as it was written, perhaps relative to the workspace; without a digest one
/// that step and path give, so that a checkpoint that is reported again is recognised.
using Report = std::variant<ProgressReport, CheckpointInfo, NoticeReport>;

Result<Report> parse_report(std::string_view line);
/// With its line end.
std::string report_line(const Report& report);

}  // namespace tagalign::wire
