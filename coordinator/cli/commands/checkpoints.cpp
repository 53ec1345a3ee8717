#include "base/exit_codes.h"
#include "coordinator/cli/commands/commands.h"

namespace tagalign::cli {
namespace {

struct Options {
  std::string job;
};

Result<int> run(Context& context, const Options& options) {
  const auto connection = context.connect();
  wire::CheckpointsRequest request;
  if (!options.job.empty()) request.job = options.job;
  TA_ASSIGN_OR_RETURN(const auto reply, ask<wire::CheckpointsReply>(*connection, request));
  Listing listing{{{"path", "PATH"},
                   {"job", "JOB", true},
                   {"name", "NAME"},
                   {"step", "STEP", true},
                   {"at", "AT"},
                   {"scheduled", "SCHEDULED"},
                   {"digest", "DIGEST"}},
                  {},
                  "no checkpoints yet"};
  for (const wire::CheckpointRow& row : reply.rows) {
    listing.rows.push_back({text(row.checkpoint.path), number(row.job.value), text(row.job_name),
                            number(row.checkpoint.step), text(format_utc(row.at_ms)),
                            yes_or_no(row.checkpoint.scheduled), text(row.checkpoint.digest)});
  }
  context.writer.listing(listing);
  return to_int(ExitCode::kOk);
}

}  // namespace

void add_checkpoints(Program& program) {
  auto options = std::make_shared<Options>();
  CLI::App* command =
      program.app.add_subcommand("checkpoints", "List checkpoints that jobs have committed");
  command->add_option("ID", options->job,
                      "only of this job: number, or name of the newest such job");
  command->footer(
      "Examples:\n  tagalign checkpoints\n  tagalign --output quiet checkpoints tagalign");
  program.on(command, options, run);
}

}  // namespace tagalign::cli
