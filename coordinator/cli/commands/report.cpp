/// `tagalign report`: for the scripts of exec jobs, which say by it what a rank would say itself.
#include "base/exit_codes.h"
#include "base/format.h"
#include "coordinator/cli/commands/commands.h"
#include "coordinator/wire/report_lines.h"

namespace tagalign::cli {
namespace {

struct CheckpointOptions {
  wire::CheckpointInfo checkpoint;
  bool unscheduled = false;
};

/// Appended in one write, so that the lines of several processes do not mix.
Result<int> append(Context& context, const wire::Report& report) {
  const auto file = context.host.environment(wire::kReportVariable);
  if (!file || file->empty()) {
    return invalid_argument(
        format("report: ${} is not set: this command is for the program of a "
               "job of kind exec, which finds it set (configs/README.md)",
               wire::kReportVariable));
  }
  TA_RETURN_IF_ERROR(context.host.append(*file, wire::report_line(report)));
  return to_int(ExitCode::kOk);
}

Result<int> report_progress(Context& context, const wire::ProgressReport& progress) {
  return append(context, progress);
}

Result<int> report_checkpoint(Context& context, const CheckpointOptions& options) {
  wire::CheckpointInfo checkpoint = options.checkpoint;
  checkpoint.scheduled = !options.unscheduled;
  return append(context, checkpoint);
}

Result<int> report_notice(Context& context, const wire::NoticeReport& notice) {
  return append(context, notice);
}

void add_progress(Program& program, CLI::App* report) {
  auto options = std::make_shared<wire::ProgressReport>();
  CLI::App* command = report->add_subcommand("progress", "How far the program is");
  command->add_option("--step", options->step, "steps done")->required();
  command->add_option("--total", options->steps_total, "steps that it shall do");
  command->add_option("--activity", options->activity, "one line for `tagalign jobs`");
  command->footer(
      "Example:\n  tagalign report progress --step 10 --total 100 --activity 'loss 3.2'");
  program.on(command, options, report_progress);
}

void add_checkpoint(Program& program, CLI::App* report) {
  auto options = std::make_shared<CheckpointOptions>();
  CLI::App* command = report->add_subcommand(
      "checkpoint", "A checkpoint is written: jobs with on_commit_of follow");
  command->add_option("--step", options->checkpoint.step, "step that it holds")->required();
  command->add_option("--path", options->checkpoint.path, "file or folder; it must be there")
      ->required();
  command->add_option("--digest", options->checkpoint.digest,
                      "names its content; default: step and path do");
  command->add_flag("--unscheduled", options->unscheduled,
                    "saved because of a request to leave: nothing follows it");
  command->footer("Example:\n  tagalign report checkpoint --step 100 --path checkpoints/100");
  program.on(command, options, report_checkpoint);
}

}  // namespace

void add_report(Program& program) {
  CLI::App* report = program.app.add_subcommand(
      "report", "From the program of an exec job: progress, a checkpoint, a notice");
  report->require_subcommand(1);
  add_progress(program, report);
  add_checkpoint(program, report);
  auto notice = std::make_shared<wire::NoticeReport>();
  CLI::App* command = report->add_subcommand("notice", "Something that a person should read once");
  command->add_option("TEXT", notice->text, "what `tagalign job show` lists")->required();
  command->footer("Example:\n  tagalign report notice 'two images were left out'");
  program.on(command, notice, report_notice);
}

}  // namespace tagalign::cli
