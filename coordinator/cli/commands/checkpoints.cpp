#include "base/exit_codes.h"
#include "coordinator/cli/checkpoints/pages.h"
#include "coordinator/cli/checkpoints/steps.h"
#include "coordinator/cli/commands/commands.h"

namespace tagalign::cli {
namespace {

struct Options {
  std::string what;
};

Result<int> list_committed(Context& context, const std::string& job) {
  const auto connection = context.connect();
  wire::CheckpointsRequest request;
  if (!job.empty()) request.job = job;
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

Result<int> list_folder(Context& context, const Path& folder) {
  FileSystem& files = context.host.files;
  TA_ASSIGN_OR_RETURN(const Listing listing,
                      folder_page(files, folder, context.host.clock.unix_ms()));
  context.writer.listing(listing);
  if (context.format != OutputFormat::kTable) return to_int(ExitCode::kOk);
  TA_ASSIGN_OR_RETURN(const std::string writer, writer_line(files, folder));
  if (!writer.empty()) context.writer.lines("writer", {writer});
  return to_int(ExitCode::kOk);
}

Result<int> run(Context& context, const Options& options) {
  return is_folder_argument(options.what) ? list_folder(context, options.what)
                                          : list_committed(context, options.what);
}

}  // namespace

void add_checkpoints(Program& program) {
  auto options = std::make_shared<Options>();
  CLI::App* command = program.app.add_subcommand(
      "checkpoints", "List checkpoints, of jobs or in a folder; verify, compare, pin, remove them");
  command
      ->add_option("what", options->what,
                   "only of this job: number, or name of the newest such job; or a folder of "
                   "checkpoints: a path with a '/', for which no coordinator is asked")
      ->option_text("ID|FOLDER");
  command->footer(
      "Examples:\n"
      "  tagalign checkpoints\n"
      "  tagalign --output quiet checkpoints tagalign\n"
      "  tagalign checkpoints ./checkpoints\n"
      "  tagalign checkpoints verify ./checkpoints");
  add_checkpoint_files(program, *command);
  command->callback([&program, command, options] {
    // A verb has chosen already; what it did not take came here.
    if (command->get_subcommands().empty()) {
      program.chosen = [options](Context& context) { return run(context, *options); };
    } else if (!options->what.empty()) {
      throw CLI::ExtrasError({options->what});
    }
  });
}

}  // namespace tagalign::cli
