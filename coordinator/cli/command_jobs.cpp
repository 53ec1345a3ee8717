#include <algorithm>

#include "base/exit_codes.h"
#include "base/format.h"
#include "coordinator/cli/commands.h"
#include "coordinator/cli/find_job.h"

namespace tagalign::cli {
namespace {

struct Options {
  std::string workflow;
};

Value time_value(UnixMs time_ms) {
  return time_ms == 0 ? nothing() : text(format_utc(time_ms));
}

/// Of the last attempt: until its end, or until now.
Value duration_of(const protocol::JobSummary& job, UnixMs now_ms) {
  if (job.started_ms == 0) return nothing();
  const std::int64_t ms = (job.ended_ms > 0 ? job.ended_ms : now_ms) - job.started_ms;
  return {std::max<std::int64_t>(ms, 0), format_duration(std::max<std::int64_t>(ms, 0))};
}

std::vector<Value> row_of(const protocol::JobSummary& job, UnixMs now_ms) {
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
Listing jobs_listing(const std::vector<protocol::JobSummary>& jobs, UnixMs now_ms, bool is_table) {
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
                  "no jobs; hand some in with: tagalign submit FILE"};
  for (const protocol::JobSummary& job : jobs) listing.rows.push_back(row_of(job, now_ms));
  if (!is_table) return listing;
  for (const std::string_view dropped : {"steps_total", "submitted", "agent"}) {
    const auto at =
        std::ranges::find(listing.columns, dropped, &Column::key) - listing.columns.begin();
    listing.columns.erase(listing.columns.begin() + at);
    for (auto& row : listing.rows) row.erase(row.begin() + at);
  }
  return listing;
}

Result<int> run(Context& context, const Options& options) {
  const auto connection = context.connect();
  TA_ASSIGN_OR_RETURN(const auto jobs, find_jobs(*connection, options.workflow));
  context.writer.listing(
      jobs_listing(jobs, context.world.clock.unix_ms(), context.format == OutputFormat::kTable));
  return to_int(ExitCode::kOk);
}

}  // namespace

void add_jobs(Program& program) {
  auto options = std::make_shared<Options>();
  CLI::App* command = program.app.add_subcommand("jobs", "List jobs and where they are");
  command->add_option("WORKFLOW", options->workflow, "only the newest workflow of that name");
  command->footer(
      "Examples:\n  tagalign jobs\n  tagalign jobs demo\n  tagalign --output json jobs");
  program.on(command, options, run);
}

}  // namespace tagalign::cli
