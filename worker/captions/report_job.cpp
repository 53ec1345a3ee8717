#include "worker/captions/report_job.h"

#include <optional>

#include "base/utf8.h"
#include "data/report/report.h"
#include "data/report/report_page.h"
#include "data/shares/progress.h"
#include "worker/benchmarks/progress_line.h"

namespace tagalign::jobs {
namespace {

/// Shows one step of a report with its rate.
class StepLine {
 public:
  StepLine(std::string label, DataWorld& world)
      : clock_(world.clock),
        line_(std::move(label), world.err, world.is_terminal, world.clock),
        show_([this](const data::Progress& each) { line_.show(each); }) {}

  data::ReportProgress progress() {
    return [this](std::uint64_t done, std::uint64_t total) {
      if (done == 0)
        meter_.emplace(clock_, total, show_);
      else
        meter_->add(true);
    };
  }

 private:
  Clock& clock_;
  ProgressLine line_;
  data::ProgressCallback show_;
  std::optional<data::ProgressMeter> meter_;
};

Result<data::DataReport> make_report(DataWorld& world, data::ReportMaking& making) {
  StepLine indexing("index", world);
  TA_RETURN_IF_ERROR(making.index({}, indexing.progress()));
  StepLine examining("report", world);
  TA_ASSIGN_OR_RETURN(const std::string examined, making.examine({}, {}, examining.progress()));
  return making.finish(std::span(&examined, 1));
}

/// What can be known before the work is done.
Status check_page(FileSystem& files, const ReportArguments& arguments) {
  if (!arguments.page.empty()) {
    const Path folder = std::filesystem::absolute(arguments.page).parent_path();
    return files.create_directories(folder);
  }
  if (arguments.tags.empty() && arguments.tag_names.empty()) return ok_status();
  return invalid_argument("data report: tags are shown on the page; name one with --page FILE");
}

}  // namespace

Result<bool> run_data_report(DataWorld& world, const ReportArguments& arguments) {
  TA_RETURN_IF_ERROR(check_page(world.files, arguments));
  TA_ASSIGN_OR_RETURN(const auto making,
                      data::ReportMaking::open(world.files, {.sources = arguments.sources,
                                                             .derived = {arguments.cache, {}},
                                                             .decode = arguments.decode,
                                                             .threads = arguments.threads,
                                                             .tags = arguments.tags,
                                                             .tag_names = arguments.tag_names}));
  TA_ASSIGN_OR_RETURN(const data::DataReport report, make_report(world, *making));
  if (arguments.json) {
    world.out << data::to_json(report) << "\n";
  } else {
    for (const std::string& text : data::to_lines(report)) world.out << printable(text) << "\n";
  }
  if (arguments.page.empty()) return true;
  TA_ASSIGN_OR_RETURN(const std::string page, data::report_page(*making, report));
  TA_RETURN_IF_ERROR(world.files.write_durable(arguments.page, page));
  return true;
}

}  // namespace tagalign::jobs
