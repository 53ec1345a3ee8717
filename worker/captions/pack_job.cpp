#include "worker/captions/pack_job.h"

#include <nlohmann/json.hpp>

#include "base/counted.h"
#include "base/format.h"
#include "base/json_text.h"
#include "base/utf8.h"
#include "data/shares/progress.h"
#include "worker/benchmarks/progress_line.h"

namespace tagalign::jobs {
namespace {

using nlohmann::json;

std::string report_json(const data::PackReport& report) {
  return json_text(json{{"images", report.images},
                        {"dropped", report.dropped},
                        {"renamed", report.renamed},
                        {"bytes", report.bytes},
                        {"shards", report.shards},
                        {"notices", report.notices}});
}

}  // namespace

std::vector<std::string> pack_report_lines(const data::PackReport& report, const Path& output) {
  constexpr double kMiB = 1 << 20;
  std::vector<std::string> lines = report.notices;
  lines.push_back(format("{} in {}, {:.1f} MiB, in {}", counted(report.images, "image"),
                         counted(report.shards, "shard"), static_cast<double>(report.bytes) / kMiB,
                         output.string()));
  if (report.dropped > 0)
    lines.push_back(format("{} left out, with the reason in {}",
                           counted(report.dropped, "image is", "images are"),
                           (output / "dropped.csv").string()));
  if (report.renamed > 0)
    lines.push_back(format("{} twice; ~2, ~3, … stands behind the later ones",
                           counted(report.renamed, "name came", "names came")));
  return lines;
}

Result<bool> run_data_pack(DataWorld& world, const PackArguments& arguments) {
  TA_ASSIGN_OR_RETURN(const auto packing, data::Packing::open(world.files, arguments.options));
  ProgressLine line("pack", world.err, world.is_terminal, world.clock);
  const data::ProgressCallback show = [&](const data::Progress& each) { line.show(each); };
  data::ProgressMeter meter(world.clock, packing->images(), show);
  if (const auto there = packing->images() - packing->missing({}); there > 0)
    meter.add_items(there, false);
  TA_RETURN_IF_ERROR(
      packing->pack({}, {}, [&](std::uint64_t images) { meter.add_items(images); }).status());
  TA_ASSIGN_OR_RETURN(const data::PackReport report, packing->finish());
  if (arguments.json) {
    world.out << report_json(report) << "\n";
    return true;
  }
  for (const std::string& text : pack_report_lines(report, arguments.options.output))
    world.out << printable(text) << "\n";
  return true;
}

}  // namespace tagalign::jobs
