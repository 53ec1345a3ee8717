#include "worker/captions/report_job.h"

#include "base/utf8.h"
#include "data/benchmarks/progress.h"
#include "data/report/report.h"
#include "worker/benchmarks/progress_line.h"

namespace tagalign::jobs {

Result<bool> run_data_report(DataWorld& world, const ReportArguments& arguments) {
  ProgressLine line("report", world.err, world.is_terminal, world.clock);
  const data::DataReportOptions options{.sources = arguments.sources,
                                        .derived = {arguments.cache, {}},
                                        .decode = arguments.decode,
                                        .threads = arguments.threads};
  TA_ASSIGN_OR_RETURN(
      const data::DataReport report,
      data::make_data_report(world.files, options, [&](std::uint64_t done, std::uint64_t total) {
        line.show({done, total, 0, std::nullopt});
      }));
  if (arguments.json) {
    world.out << data::to_json(report) << "\n";
    return true;
  }
  for (const std::string& text : data::to_lines(report)) world.out << printable(text) << "\n";
  return true;
}

}  // namespace tagalign::jobs
