#include <algorithm>

#include "base/exit_codes.h"
#include "base/format.h"
#include "coordinator/cli/commands/commands.h"

namespace tagalign::cli {
namespace {

struct Options {
  std::string workflow;
  bool all = false;
  std::uint64_t after = 0;
  std::uint32_t limit = wire::kJobsPageMax;
};

Value time_value(UnixMs time_ms) {
  return time_ms == 0 ? nothing() : text(format_utc(time_ms));
}

/// Of the last attempt: until its end, or until now.
Value duration_of(const wire::JobSummary& job, UnixMs now_ms) {
  if (job.started_ms == 0) return nothing();
  const std::int64_t ms = (job.ended_ms > 0 ? job.ended_ms : now_ms) - job.started_ms;
  return {std::max<std::int64_t>(ms, 0), format_duration(std::max<std::int64_t>(ms, 0))};
}

std::vector<Value> row_of(const wire::JobSummary& job, UnixMs now_ms) {
  const std::string step =
      job.steps_total == 0 ? format("{}", job.step) : format("{}/{}", job.step, job.steps_total);
  return {number(job.id.value),
          text(job.workflow_name),
          text(job.name),
          text(job.kind),
          text(job.state),
          number(job.attempt.value),
          number(static_cast<std::uint64_t>(job.ranks)),
          number(job.step, step),
          number(job.steps_total),
          time_value(job.submitted_ms),
          duration_of(job, now_ms),
          text(job.agent),
          text(job.reason.empty() ? job.activity : job.reason)};
}

/// JSON has everything; the table what fits a screen.
Listing jobs_listing(const wire::JobsReply& page, UnixMs now_ms, bool is_table) {
  const char* if_empty = page.ended_left_out == 0
                             ? "no jobs; hand some in with: tagalign submit FILE"
                             : "no job is active";
  Listing listing{{{"id", "ID", true},
                   {"workflow", "WORKFLOW"},
                   {"name", "NAME"},
                   {"kind", "KIND"},
                   {"state", "STATE"},
                   {"attempt", "ATTEMPT", true},
                   {"ranks", "RANKS", true},
                   {"step", "STEP", true},
                   {"steps_total", "STEPS", true},
                   {"submitted", "SUBMITTED"},
                   {"duration_ms", "TIME", true},
                   {"agent", "AGENT"},
                   {"detail", "DETAIL"}},
                  {},
                  if_empty};
  for (const wire::JobSummary& job : page.jobs) listing.rows.push_back(row_of(job, now_ms));
  if (!is_table) return listing;
  for (const std::string_view dropped : {"steps_total", "submitted", "agent"}) {
    const auto at =
        std::ranges::find(listing.columns, dropped, &Column::key) - listing.columns.begin();
    listing.columns.erase(listing.columns.begin() + at);
    for (auto& row : listing.rows) row.erase(row.begin() + at);
  }
  return listing;
}

/// Nobody shall take a part for the whole.
void say_what_is_missing(const wire::JobsReply& page, std::ostream& out) {
  if (page.ended_left_out == 1) out << "1 ended job is not shown: --all\n";
  if (page.ended_left_out > 1) out << page.ended_left_out << " ended jobs are not shown: --all\n";
  if (page.more) out << "there are more: --after " << page.jobs.back().id.value << "\n";
}

Result<int> run(Context& context, const Options& options) {
  const auto connection = context.connect();
  const wire::JobsRequest request{.name = options.workflow,
                                  .active_only = !options.all,
                                  .after = JobId{options.after},
                                  .limit = options.limit};
  TA_ASSIGN_OR_RETURN(const auto page, ask<wire::JobsReply>(*connection, request));
  const bool is_table = context.format == OutputFormat::kTable;
  context.writer.listing(jobs_listing(page, context.host.clock.unix_ms(), is_table));
  say_what_is_missing(page, is_table ? context.host.out : context.host.err);
  return to_int(ExitCode::kOk);
}

}  // namespace

void add_jobs(Program& program) {
  auto options = std::make_shared<Options>();
  CLI::App* command = program.app.add_subcommand("jobs", "List active jobs and where they are");
  command->add_option("WORKFLOW", options->workflow, "only the newest workflow of that name");
  command->add_flag("--all", options->all, "also those that have ended");
  command->add_option("--limit", options->limit, "at most so many")
      ->option_text("N")
      ->check(CLI::Range(1u, wire::kJobsPageMax))
      ->capture_default_str();
  command->add_option("--after", options->after, "only jobs of higher numbers: the next page")
      ->option_text("ID");
  command->footer(
      "Examples:\n  tagalign jobs\n  tagalign jobs --all\n  tagalign jobs demo\n  tagalign "
      "--output json jobs");
  program.on(command, options, run);
}

}  // namespace tagalign::cli
