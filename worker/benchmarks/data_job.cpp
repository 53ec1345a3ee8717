#include "worker/benchmarks/data_job.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/counted.h"
#include "base/format.h"
#include "base/json_text.h"
#include "base/utf8.h"
#include "configs/schema/reading/load.h"
#include "data/benchmarks/check.h"
#include "data/benchmarks/prepare.h"
#include "worker/benchmarks/progress_line.h"
#include "worker/datasets/dataset_options.h"

namespace tagalign::jobs {
namespace {

using nlohmann::json;

Result<Path> find_config(FileSystem& files, const DataArguments& arguments) {
  if (!arguments.config.empty()) return arguments.config;
  std::vector<std::string> tried;
  for (const Path& folder : arguments.config_folders) {
    const Path file = folder / "benchmarks" / (arguments.benchmark + ".yml");
    if (files.exists(file)) return file;
    tried.push_back(file.string());
  }
  return not_found(
      format("data set {}: looked for its description at {}; found none; name it with "
             "--config FILE",
             arguments.benchmark, fmt::join(tried, ", ")));
}

/// The description is read before any work, so that a bad one costs nothing.
Result<config::SegmentationDataConfig> load_benchmark(FileSystem& files,
                                                      const DataArguments& arguments) {
  TA_ASSIGN_OR_RETURN(const Path file, find_config(files, arguments));
  return config::load_job_config<config::SegmentationDataConfig>(files, file, {"root=."});
}

Result<data::CheckReport> check(DataWorld& world, const DataArguments& arguments,
                                const config::SegmentationDataConfig& config, const Path& root) {
  const data::CheckOptions options{
      .dataset = dataset_options(config, root), .root = root, .threads = arguments.threads};
  if (config.background) {
    const auto classes = data::classes_of(world.files, options.dataset);
    const Status fits = classes.ok() ? check_class_count(config, classes->size()) : ok_status();
    if (!fits.ok()) return data::refused_classes(world.files, options, fits);
  }
  ProgressLine line(format("check {}", arguments.benchmark), world.err, world.is_terminal,
                    world.clock);
  return data::check_dataset(world.files, world.clock, options,
                             [&](const data::Progress& progress) { line.show(progress); });
}

/// The data set's own folder when `root` is the folder of all benchmarks.
Result<Path> resolve_root(FileSystem& files, const DataArguments& arguments,
                          const config::SegmentationDataConfig& config) {
  if (files.exists(arguments.root / config.images)) return arguments.root;
  const auto below = data::benchmark_folder(arguments.benchmark, arguments.root);
  if (below.ok() && files.exists(*below / config.images)) return *below;
  return arguments.root;
}

json offenders_json(const std::vector<data::Offender>& offenders) {
  json first = json::array();
  for (std::size_t i = 0; i < std::min(offenders.size(), data::kOffendersNamed); ++i)
    first.push_back({{"file", offenders[i].file}, {"detail", offenders[i].detail}});
  return {{"count", offenders.size()}, {"first", std::move(first)}};
}

void write_offenders(std::ostream& out, std::string_view title,
                     const std::vector<data::Offender>& offenders) {
  if (offenders.empty()) return;
  out << format("  {} ({}):\n", title, offenders.size());
  const std::size_t named = std::min(offenders.size(), data::kOffendersNamed);
  for (std::size_t i = 0; i < named; ++i)
    out << format("    {}: {}\n", printable(offenders[i].file), printable(offenders[i].detail));
  if (offenders.size() > named) out << format("    and {} more\n", offenders.size() - named);
}

void write_check(std::ostream& out, const data::CheckReport& report) {
  for (const std::string& line : data::to_lines(report)) out << printable(line) << "\n";
}

void write_prepared(DataWorld& world, const DataArguments& arguments,
                    const data::PrepareReport& report, const data::CheckReport& checked) {
  if (arguments.json) {
    const json document{{"made", report.made},
                        {"kept", report.kept},
                        {"missing", offenders_json(report.missing)},
                        {"failures", offenders_json(report.failures)},
                        {"notes", report.notes},
                        {"check", json::parse(data::to_json(checked))}};
    world.out << json_text(document) << "\n";
    return;
  }
  world.out << format("{}: {} made, {} there already\n", arguments.benchmark,
                      counted(report.made, "file"), counted(report.kept, "was", "were"));
  for (const std::string& note : report.notes) world.out << "  note: " << printable(note) << "\n";
  write_offenders(world.out, "not in the source", report.missing);
  write_offenders(world.out, "could not be made", report.failures);
  write_check(world.out, checked);
}

}  // namespace

Result<bool> run_data_prepare(DataWorld& world, const DataArguments& arguments) {
  TA_RETURN_IF_ERROR(data::benchmark_folder(arguments.benchmark, arguments.output).status());
  TA_ASSIGN_OR_RETURN(const auto config, load_benchmark(world.files, arguments));
  ProgressLine line(format("prepare {}", arguments.benchmark), world.err, world.is_terminal,
                    world.clock);
  TA_ASSIGN_OR_RETURN(
      const auto report,
      data::prepare_benchmark(world.files, world.clock,
                              {.benchmark = arguments.benchmark,
                               .source = arguments.source,
                               .output = arguments.output,
                               .with_training = arguments.with_training,
                               .threads = arguments.threads},
                              [&](const data::Progress& progress) { line.show(progress); }));
  TA_ASSIGN_OR_RETURN(const auto checked, check(world, arguments, config, report.root));
  write_prepared(world, arguments, report, checked);
  return report.missing.empty() && report.failures.empty() && checked.ok();
}

Result<bool> run_data_check(DataWorld& world, const DataArguments& arguments) {
  TA_ASSIGN_OR_RETURN(const auto config, load_benchmark(world.files, arguments));
  TA_ASSIGN_OR_RETURN(const Path root, resolve_root(world.files, arguments, config));
  TA_ASSIGN_OR_RETURN(const auto report, check(world, arguments, config, root));
  if (arguments.json)
    world.out << data::to_json(report) << "\n";
  else
    write_check(world.out, report);
  return report.ok();
}

}  // namespace tagalign::jobs
