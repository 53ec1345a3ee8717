#include "base/exit_codes.h"
#include "coordinator/cli/commands/commands.h"

namespace tagalign::cli {
namespace {

Result<int> run(Context& context, const AgentArguments& options) {
  AgentArguments arguments = options;
  arguments.state = context.state;
  return context.host.run_agent(arguments);
}

}  // namespace

void add_agent(Program& program) {
  auto options = std::make_shared<AgentArguments>();
  CLI::App* command = program.app.add_subcommand(
      "agent", "Offer this machine to the coordinator, until it is stopped");
  command->add_option("--id", options->id, "kept over restarts (default: the host's name)");
  command
      ->add_option("--slots", options->slots,
                   "what ranks hold one or more of (default: GPUs, else cores)")
      ->check(CLI::Range(1, 4096));
  command->add_option("--gpus", options->gpus, "GPUs to hand out")
      ->check(CLI::Range(0, 64))
      ->capture_default_str();
  command
      ->add_option("--worker", options->worker,
                   "program of a rank (default: tagalign-worker beside this one)")
      ->option_text("FILE");
  command->add_option("--mpirun", options->mpirun, "starts the ranks (default: mpirun on PATH)")
      ->option_text("FILE");
  command->footer(
      "The state folder must hold the coordinator's endpoint and an agent key.\n"
      "Example:\n  tagalign agent --id node7 --slots 8");
  program.on(command, options, run);
}

}  // namespace tagalign::cli
