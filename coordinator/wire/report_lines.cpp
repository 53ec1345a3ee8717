#include "coordinator/wire/report_lines.h"

#include <algorithm>
#include <initializer_list>
#include <nlohmann/json.hpp>

#include "base/checksum.h"
#include "base/format.h"
#include "base/json_text.h"
#include "base/overloaded.h"
#include "base/utf8.h"

namespace tagalign::wire {
namespace {

using nlohmann::json;

constexpr const char* kForms =
    R"({"progress": {"step": N}}, {"checkpoint": {"step": N, "path": P}} or {"notice": TEXT})";

Status wrong(std::string_view what) {
  return invalid_argument(format("reading a report: {}; expected {}", what, kForms));
}

/// Keys beyond these are a misspelling.
Status check_keys(const json& map, std::initializer_list<std::string_view> known) {
  for (const auto& [key, value] : map.items()) {
    if (std::ranges::find(known, key) == known.end())
      return wrong(format("unknown key '{}'", printable(key)));
  }
  return ok_status();
}

Result<std::uint64_t> number_at(const json& map, const char* key, bool required) {
  const auto found = map.find(key);
  if (found == map.end() && !required) return std::uint64_t{0};
  if (found != map.end() && found->is_number_unsigned()) return found->get<std::uint64_t>();
  return wrong(format("'{}' is no number from 0 upwards", key));
}

Result<std::string> text_at(const json& map, const char* key, bool required) {
  const auto found = map.find(key);
  if (found == map.end() && !required) return std::string();
  if (found == map.end() || !found->is_string()) return wrong(format("'{}' is no text", key));
  auto text = found->get<std::string>();
  if (required && text.empty()) return wrong(format("'{}' is empty", key));
  return text;
}

Result<Report> progress_of(const json& map) {
  TA_RETURN_IF_ERROR(check_keys(map, {"step", "steps_total", "activity"}));
  ProgressReport report;
  TA_ASSIGN_OR_RETURN(report.step, number_at(map, "step", true));
  TA_ASSIGN_OR_RETURN(report.steps_total, number_at(map, "steps_total", false));
  TA_ASSIGN_OR_RETURN(report.activity, text_at(map, "activity", false));
  return Report(std::move(report));
}

Result<Report> checkpoint_of(const json& map) {
  TA_RETURN_IF_ERROR(check_keys(map, {"step", "path", "digest", "scheduled"}));
  CheckpointInfo checkpoint;
  TA_ASSIGN_OR_RETURN(checkpoint.step, number_at(map, "step", true));
  TA_ASSIGN_OR_RETURN(checkpoint.path, text_at(map, "path", true));
  TA_ASSIGN_OR_RETURN(checkpoint.digest, text_at(map, "digest", false));
  const auto scheduled = map.find("scheduled");
  if (scheduled != map.end() && !scheduled->is_boolean())
    return wrong("'scheduled' is neither true nor false");
  checkpoint.scheduled = scheduled == map.end() || scheduled->get<bool>();
  if (checkpoint.digest.empty()) {
    const std::string name = format("{}\n{}", checkpoint.step, checkpoint.path);
    checkpoint.digest = digest128(as_bytes(name)).hex();
  }
  return Report(std::move(checkpoint));
}

}  // namespace

Result<Report> parse_report(std::string_view line) {
  if (line.size() > kReportLineBytesMax)
    return wrong(
        format("the line has {} bytes, at most {} are read", line.size(), kReportLineBytesMax));
  const json document = json::parse(line, nullptr, false);
  if (!document.is_object() || document.size() != 1)
    return wrong(format("found '{}'", printable(line.substr(0, 80))));
  const auto entry = document.begin();
  if (entry.key() == "notice") {
    TA_ASSIGN_OR_RETURN(std::string text, text_at(document, "notice", true));
    return Report(NoticeReport{std::move(text)});
  }
  if (entry.key() == "progress" && entry->is_object()) return progress_of(*entry);
  if (entry.key() == "checkpoint" && entry->is_object()) return checkpoint_of(*entry);
  return wrong(format("found '{}'", printable(line.substr(0, 80))));
}

std::string report_line(const Report& report) {
  const json document = std::visit(
      Overloaded{
          [](const ProgressReport& said) {
            return json{{"progress",
                         {{"step", said.step},
                          {"steps_total", said.steps_total},
                          {"activity", said.activity}}}};
          },
          [](const CheckpointInfo& said) {
            json map = {{"step", said.step}, {"path", said.path}, {"scheduled", said.scheduled}};
            if (!said.digest.empty()) map["digest"] = said.digest;
            return json{{"checkpoint", std::move(map)}};
          },
          [](const NoticeReport& said) {
            return json{{"notice", said.text}};
          }},
      report);
  return json_text(document) + "\n";
}

}  // namespace tagalign::wire
