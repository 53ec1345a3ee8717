#include <map>

#include "base/exit_codes.h"
#include "base/format.h"
#include "base/utf8.h"
#include "configs/schema/jobs/published_scores.h"
#include "configs/schema/reading/load.h"
#include "coordinator/cli/commands/commands.h"
#include "coordinator/cli/convert/published.h"
#include "coordinator/cli/convert/result_files.h"
#include "coordinator/cli/convert/results_table.h"
#include "coordinator/cli/convert/slot_time.h"

namespace tagalign::cli {
namespace {

enum class Layout { kTable, kCsv, kJson, kMarkdown };

struct Options {
  std::optional<Layout> layout;
  std::string workflow;
  std::string published;             ///< file; empty: none
  std::vector<std::string> folders;  ///< of result files; empty: the coordinator is asked
};

Status check_counts(const wire::EvaluationResult& result) {
  const std::size_t classes = result.classes.size();
  if (result.intersect.size() == classes && result.union_.size() == classes &&
      result.predicted.size() == classes && result.labelled.size() == classes) {
    return ok_status();
  }
  return data_loss(
      format("result {} of {} on {}: expected counts of {} classes, found {}, {}, {} and {}",
             result.key, result.method, result.dataset, classes, result.intersect.size(),
             result.union_.size(), result.predicted.size(), result.labelled.size()));
}

Result<std::string> render(Context& context, const Options& options, Layout layout,
                           const std::vector<wire::ResultRow>& rows) {
  ResultsTable table = arrange(rows);
  if (!options.published.empty()) {
    TA_ASSIGN_OR_RETURN(const auto published, config::load_job_config<config::PublishedScores>(
                                                  context.host.files, options.published));
    add_published(published, table);
  }
  switch (layout) {
    case Layout::kTable:
      return context.host.has_colours ? paint_differences(to_text(table)) : to_text(table);
    case Layout::kMarkdown:
      return to_markdown(table);
    case Layout::kCsv:
      return to_csv(rows);
    case Layout::kJson:
      return to_json(rows);
  }
  return std::string();
}

Result<wire::ResultsReply> ask_coordinator(Context& context, const Options& options) {
  const auto connection = context.connect();
  TA_ASSIGN_OR_RETURN(auto reply, ask<wire::ResultsReply>(
                                      *connection, wire::ResultsRequest{.name = options.workflow}));
  for (const wire::ResultRow& row : reply.rows) TA_RETURN_IF_ERROR(check_counts(row.result));
  return reply;
}

Status print(Context& context, const Options& options, const std::vector<wire::ResultRow>& rows) {
  if (context.format == OutputFormat::kQuiet && !options.layout) {
    for (const wire::ResultRow& row : rows) context.host.out << row.result.key << "\n";
    return ok_status();
  }
  const Layout usual = context.format == OutputFormat::kJson ? Layout::kJson : Layout::kTable;
  TA_ASSIGN_OR_RETURN(const std::string text,
                      render(context, options, options.layout.value_or(usual), rows));
  context.host.out << text;
  return ok_status();
}

/// What is good is printed, what is not is named, and the exit code tells.
Result<int> print_files(Context& context, const Options& options) {
  const std::vector<Path> folders(options.folders.begin(), options.folders.end());
  TA_ASSIGN_OR_RETURN(const CollectedResults collected,
                      collect_results(context.host.files, folders));
  TA_RETURN_IF_ERROR(print(context, options, collected.rows));
  for (const std::string& complaint : collected.complaints)
    context.host.err << printable(complaint) << "\n";
  return to_int(collected.complaints.empty() ? ExitCode::kOk : ExitCode::kJobFailed);
}

Result<int> run(Context& context, const Options& options) {
  if (!options.folders.empty()) return print_files(context, options);
  TA_ASSIGN_OR_RETURN(const auto reply, ask_coordinator(context, options));
  TA_RETURN_IF_ERROR(print(context, options, reply.rows));
  const std::string spent = slot_time_text(reply.slot_time);
  if (context.format == OutputFormat::kTable && !options.layout && !spent.empty())
    context.host.err << "slot time: " << spent << "\n";
  return to_int(ExitCode::kOk);
}

}  // namespace

void add_results(Program& program) {
  auto options = std::make_shared<Options>();
  CLI::App* command = program.app.add_subcommand(
      "results", "The table of scores: mIoU per method, step and data set");
  const std::map<std::string, Layout> layouts = {{"table", Layout::kTable},
                                                 {"csv", Layout::kCsv},
                                                 {"json", Layout::kJson},
                                                 {"markdown", Layout::kMarkdown}};
  command->add_option("--format", options->layout, "csv and json hold the integer counts as well")
      ->transform(CLI::CheckedTransformer(layouts))
      ->option_text("table|csv|json|markdown");
  command
      ->add_option("--published", options->published,
                   "file of published scores (configs/published.yml): the table and markdown show "
                   "the difference to them")
      ->option_text("FILE");
  auto* workflow =
      command->add_option("WORKFLOW", options->workflow, "only what its jobs have computed first");
  command
      ->add_option("--from", options->folders,
                   "read the result files that evaluations wrote there, without a coordinator")
      ->option_text("FOLDER...")
      ->excludes(workflow);
  command->footer(
      "Examples:\n  tagalign results\n  tagalign results --format markdown > table.md\n"
      "  tagalign results --from run/results elsewhere/results");
  program.on(command, options, run);
}

}  // namespace tagalign::cli
