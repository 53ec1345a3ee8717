#include <algorithm>

#include "base/exit_codes.h"
#include "coordinator/cli/commands/commands.h"

namespace tagalign::cli {
namespace {

struct Options {
  bool slurm = false;
  std::string partition;
};

Result<int> run(Context& context, const Options& options) {
  Listing listing{
      {{"check", "CHECK"}, {"health", "HEALTH"}, {"found", "FOUND"}, {"remedy", "WHAT TO DO"}},
      {},
      ""};
  const std::vector<Check> checks =
      options.slurm ? context.host.examine_slurm(context.state, options.partition)
                    : context.host.examine(context.state);
  for (const Check& check : checks) {
    listing.rows.push_back(
        {text(check.name), text(health_name(check.health)), text(check.found), text(check.remedy)});
  }
  context.writer.listing(listing);
  const bool is_ill = std::ranges::any_of(
      checks, [](const Check& check) { return check.health == Health::kError; });
  return to_int(is_ill ? ExitCode::kJobFailed : ExitCode::kOk);
}

}  // namespace

void add_doctor(Program& program) {
  CLI::App* command = program.app.add_subcommand(
      "doctor",
      "Examine this machine: MPI, LibTorch, GPU, disk, ports, keys; exit code 1 on an error");
  auto options = std::make_shared<Options>();
  auto* slurm =
      command->add_flag("--slurm", options->slurm,
                        "examine the Slurm cluster instead, with one short step on a compute node");
  command->add_option("--partition", options->partition, "with --slurm (default: Slurm's)")
      ->option_text("NAME")
      ->needs(slurm);
  command->footer("Examples:\n  tagalign doctor\n  tagalign doctor --slurm --partition gpu");
  program.on(command, options, run);
}

}  // namespace tagalign::cli
