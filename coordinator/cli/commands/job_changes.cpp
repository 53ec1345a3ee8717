/// `tagalign job cancel|hold|release|requeue|set`: what becomes of jobs that are there.
#include "base/exit_codes.h"
#include "base/format.h"
#include "base/job_graph.h"
#include "base/time_span.h"
#include "coordinator/cli/commands/commands.h"

namespace tagalign::cli {
namespace {

using wire::JobVerb;

struct Options {
  wire::JobsChangeRequest request;
  std::string time_limit;
};

Listing listing_of(const wire::JobsChangeReply& reply) {
  Listing listing{{{"id", "ID", true},
                   {"workflow", "WORKFLOW"},
                   {"name", "NAME"},
                   {"state", "STATE"},
                   {"effect", "EFFECT"}},
                  {},
                  "no job is of that kind"};
  for (const wire::ChangedJob& job : reply.jobs) {
    listing.rows.push_back({number(job.job.value), text(job.workflow), text(job.name),
                            text(job.state), text(job.effect)});
  }
  return listing;
}

Result<int> change(Context& context, const Options& options) {
  wire::JobsChangeRequest request = options.request;
  if (!options.time_limit.empty()) {
    request.time_limit_s = 0;
    if (options.time_limit != "none") {
      TA_ASSIGN_OR_RETURN(const auto span_ms, parse_span("--time-limit", options.time_limit));
      request.time_limit_s = (span_ms + 999) / 1000;
    }
  }
  const auto connection = context.connect();
  TA_ASSIGN_OR_RETURN(const auto reply, ask<wire::JobsChangeReply>(*connection, request));
  context.writer.listing(listing_of(reply));
  return to_int(ExitCode::kOk);
}

std::shared_ptr<Options> add_verb(Program& program, CLI::App& job, JobVerb verb,
                                  const std::string& name, const std::string& help,
                                  const std::string& example) {
  auto options = std::make_shared<Options>();
  options->request.verb = verb;
  CLI::App* command = job.add_subcommand(name, help);
  command
      ->add_option("JOBS", options->request.selectors,
                   "numbers (5), ranges (1-9), names, WORKFLOW/NAME with * for anything, all (that "
                   "have not ended), failed (or cancelled)")
      ->required();
  if (verb != JobVerb::kSet && verb != JobVerb::kRelease)
    command->add_option("--reason", options->request.reason, "is shown with the job");
  command->footer("Examples:\n  tagalign job " + name + " " + example);
  program.on(command, options, change);
  return options;
}

}  // namespace

void add_job_changes(Program& program, CLI::App& job) {
  add_verb(program, job, JobVerb::kCancel, "cancel", "End jobs; running ones save first",
           "tagalign\n  tagalign job cancel 'demo/*' --reason 'wrong data'");
  add_verb(program, job, JobVerb::kHold, "hold",
           "Keep jobs from starting; running ones save, leave and are held",
           "5 6\n  tagalign job hold 'sweep/*' --reason 'until the data are there'");
  add_verb(program, job, JobVerb::kRelease, "release", "Let held jobs start", "all");
  add_verb(program, job, JobVerb::kRequeue, "requeue",
           "Try failed and cancelled jobs again; running ones save and start anew",
           "failed\n  tagalign job requeue 7 --reason 'new driver'");
  const auto options =
      add_verb(program, job, JobVerb::kSet, "set", "Change priority or time limit of jobs",
               "tagalign --priority 10\n  tagalign job set 1-9 --time-limit 12h");
  CLI::App* command = job.get_subcommand("set");
  command->add_option("--priority", options->request.priority, "higher ones start first")
      ->check(CLI::Range(-kPriorityMax, kPriorityMax));
  command->add_option("--time-limit", options->time_limit,
                      "of all attempts together, such as 12h; none: no limit");
}

}  // namespace tagalign::cli
