#include "base/exit_codes.h"
#include "coordinator/cli/commands/commands.h"

namespace tagalign::cli {
namespace {

Result<int> run(Context& context, const AgentArguments& options) {
  AgentArguments arguments = options;
  arguments.state = context.state;
  arguments.key = context.key;
  arguments.connect = context.endpoint;
  return context.host.run_agent(arguments);
}

/// What matters to gangs over several nodes, and to agents without the coordinator's folder.
void add_gang_options(CLI::App& command, AgentArguments& options) {
  command.add_option("--pool", options.pool, "gangs span agents of one pool")->option_text("NAME");
  command.add_option("--launcher", options.launcher, "of gangs over several nodes")
      ->check(CLI::IsMember({"mpirun", "srun"}))
      ->capture_default_str();
  command
      .add_option("--interface", options.interface,
                  "network of gangs over several nodes, as ib0 or 10.0.0.0/24 (default: MPI and "
                  "NCCL choose)")
      ->option_text("NAME");
}

}  // namespace

void add_agent(Program& program) {
  auto options = std::make_shared<AgentArguments>();
  CLI::App* command = program.app.add_subcommand(
      "agent", "Offer this machine to the coordinator, until it is stopped");
  command->add_option("--id", options->id,
                      "kept over restarts (default: the host's name; inside Slurm node and job)");
  command
      ->add_option("--slots", options->slots,
                   "what ranks hold one or more of (default: GPUs, else cores; inside Slurm those "
                   "of the allocation)")
      ->check(CLI::Range(1, 4096));
  command
      ->add_option("--gpus", options->gpus,
                   "GPUs to hand out (default: none; inside Slurm those of the allocation)")
      ->check(CLI::Range(0, 64));
  add_gang_options(*command, *options);
  command
      ->add_option("--worker", options->worker,
                   "program of a rank (default: tagalign-worker beside this one)")
      ->option_text("FILE");
  command->add_option("--mpirun", options->mpirun, "starts the ranks (default: mpirun on PATH)")
      ->option_text("FILE");
  command->footer(
      "The state folder must hold the coordinator's endpoint and an agent key, unless --key names "
      "one:\n"
      "of `tagalign key add NAME --role agent`, or a copy of keys/agent.key, with --connect. "
      "Inside a Slurm allocation node, slots, GPUs and end come from Slurm.\n"
      "Examples:\n"
      "  tagalign agent --id node7 --slots 8\n"
      "  tagalign agent --key ~/node7.key\n"
      "  tagalign agent --connect tcp://login1:41234 --key ~/agent.key");
  program.on(command, options, run);
}

}  // namespace tagalign::cli
