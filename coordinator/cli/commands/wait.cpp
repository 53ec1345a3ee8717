#include "base/exit_codes.h"
#include "base/format.h"
#include "coordinator/cli/commands/commands.h"
#include "coordinator/cli/talk/follow.h"
#include "coordinator/cli/talk/job_pages.h"

namespace tagalign::cli {
namespace {

struct Options {
  std::string target;
  std::optional<double> timeout_s;
  std::optional<int> agents;
};

/// A workflow is followed as a whole, as its checkpoints add jobs. Without a target those that had
/// ended before are not waited for.
FollowOptions follow_options(const Options& options, const std::vector<wire::JobSummary>& jobs) {
  FollowOptions follow;
  follow.agents = options.agents;
  if (options.timeout_s) follow.timeout_ms = static_cast<std::int64_t>(*options.timeout_s * 1000);
  for (const auto& job : jobs) {
    if (!options.target.empty() || !job.terminal) follow.jobs.push_back(job.id);
  }
  const JobId last = jobs.empty() ? JobId{} : jobs.back().id;
  if (options.target.empty()) {
    follow.newcomers = Newcomers{{}, last};
  } else if (!jobs.empty() && jobs.front().workflow_name == options.target) {
    follow.newcomers = Newcomers{jobs.front().workflow, last};
  }
  return follow;
}

Result<int> run(Context& context, const Options& options) {
  const auto connection = context.connect();
  TA_ASSIGN_OR_RETURN(const auto jobs, all_pages(*connection, {.name = options.target}));
  return follow_jobs(context, *connection, follow_options(options, jobs));
}

}  // namespace

void add_wait(Program& program) {
  auto options = std::make_shared<Options>();
  CLI::App* command =
      program.app.add_subcommand("wait", "Wait for jobs; exit code 1 when one does not succeed");
  command->add_option("TARGET", options->target,
                      "job number, job name, or workflow name; default: all unfinished jobs");
  command->add_option("--timeout", options->timeout_s, "seconds; then exit code 3")
      ->option_text("S")
      ->check(CLI::Range(0.0, 1e9));
  command
      ->add_option("--agents", options->agents,
                   "no more agents than so many come: exit code 93 when what is left needs more "
                   "slots than they have")
      ->option_text("N")
      ->check(CLI::Range(1, 65'536));
  command->footer(
      "Examples:\n  tagalign wait\n  tagalign wait demo --timeout 600\n  tagalign wait 3");
  program.on(command, options, run);
}

}  // namespace tagalign::cli
