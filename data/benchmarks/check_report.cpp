#include <nlohmann/json.hpp>

#include "base/counted.h"
#include "base/format.h"
#include "base/json_text.h"
#include "data/benchmarks/check.h"

namespace tagalign::data {

using nlohmann::json;

std::string to_json(const CheckReport& report) {
  json findings = json::array();
  for (const Finding& finding : report.findings) {
    json first = json::array();
    for (const Offender& offender : finding.first)
      first.push_back({{"file", offender.file}, {"detail", offender.detail}});
    findings.push_back({{"kind", finding_name(finding.kind)},
                        {"count", finding.count},
                        {"first", std::move(first)}});
  }
  const json document{
      {"name", report.name},
      {"root", report.root.string()},
      {"ok", report.ok()},
      {"images", report.images},
      {"images_expected", report.images_expected ? json(*report.images_expected) : json(nullptr)},
      {"findings", std::move(findings)},
      {"notes", report.notes}};
  return json_text(document);
}

std::vector<std::string> to_lines(const CheckReport& report) {
  std::vector<std::string> lines{format("{}: {} in {}: {}", report.name,
                                        counted(report.images, "image"), report.root.string(),
                                        report.ok() ? "complete" : "not as it should be")};
  for (const Finding& finding : report.findings) {
    lines.push_back(format("  {} ({}):", finding_title(finding.kind), finding.count));
    for (const Offender& offender : finding.first)
      lines.push_back(format("    {}: {}", offender.file, offender.detail));
    if (finding.count > finding.first.size())
      lines.push_back(format("    and {} more", finding.count - finding.first.size()));
  }
  for (const std::string& note : report.notes) lines.push_back("  note: " + note);
  return lines;
}

}  // namespace tagalign::data
