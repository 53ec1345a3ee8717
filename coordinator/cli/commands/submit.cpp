#include <algorithm>
#include <cctype>

#include "base/exit_codes.h"
#include "base/format.h"
#include "base/utf8.h"
#include "coordinator/cli/commands/commands.h"
#include "coordinator/cli/convert/workflow_spec.h"
#include "coordinator/cli/talk/follow.h"

namespace tagalign::cli {
namespace {

constexpr int kSubmitTries = 4;
constexpr std::int64_t kRetryPauseMs = 500;
constexpr std::size_t kTokenCharsMax = 64;
constexpr std::size_t kRandomCharsInName = 8;

struct Options {
  std::string file;
  std::vector<std::string> overrides;
  std::string workspace;
  std::string token;
  bool wait = false;
  bool dry_run = false;
};

/// Empty when `token` can be part of a folder's name, else what is wrong with it.
std::string check_token(const std::string& token) {
  const bool is_word = std::ranges::all_of(token, [](unsigned char letter) {
    return std::isalnum(letter) != 0 || letter == '-' || letter == '_';
  });
  if (is_word && !token.empty() && token.size() <= kTokenCharsMax) return "";
  return format("'{}': expected 1 to {} letters, digits, '-' and '_'", token, kTokenCharsMax);
}

/// The command line's choice, else the file's, else a new folder below the state folder, which
/// whoever has a key file alone does not see.
Result<Path> choose_workspace(const Context& context, const Options& options,
                              const config::Workflow& workflow, const std::string& token) {
  if (!options.workspace.empty())
    return std::filesystem::absolute(options.workspace).lexically_normal();
  if (!workflow.workspace.empty())
    return std::filesystem::absolute(workflow.workspace).lexically_normal();
  if (!context.key.empty()) {
    return invalid_argument(
        format("submit {}: with a key file there is no state folder to work in; say where with "
               "--workspace DIR, or `workspace:` in the file: a folder that the agents see",
               options.file));
  }
  const std::string name = options.token.empty() ? token.substr(0, kRandomCharsInName) : token;
  return context.state / "work" / format("{}-{}", workflow.name, name);
}

std::string command_of(const Context& context, const wire::WorkflowSpec& spec,
                       const wire::JobSpec& job) {
  wire::Launch launch{.attempt = Attempt{1},
                      .job_name = job.name,
                      .kind = job.kind,
                      .ranks = job.ranks,
                      .slots_per_rank = job.slots_per_rank,
                      .workspace = spec.workspace,
                      .config_yaml = job.config_yaml,
                      .overrides = {}};
  if (!job.on_commit_of.empty()) launch.overrides = {"checkpoint=CHECKPOINT"};
  return format("{}", fmt::join(context.host.gang_command(launch), " "));
}

/// "train@5000"
std::vector<std::string> commits_of(const wire::JobSpec& job) {
  std::vector<std::string> names;
  for (const wire::CommitNeed& need : job.after_commit)
    names.push_back(format("{}@{}", need.job, need.step));
  return names;
}

/// ", after a, b, for each checkpoint of c"
std::string when_text(const wire::JobSpec& job) {
  std::string when = job.after.empty() ? "" : format(", after {}", fmt::join(job.after, ", "));
  if (!job.after_any.empty())
    when += format(", after the end of {}", fmt::join(job.after_any, ", "));
  if (!job.after_commit.empty())
    when += format(", after the checkpoint {}", fmt::join(commits_of(job), ", "));
  if (!job.best_of.empty())
    when += format(", for the checkpoint of {} with the best mIoU on {} by {}", job.on_commit_of,
                   job.best_dataset, job.best_of);
  else if (!job.on_commit_of.empty())
    when += format(", for each checkpoint of {}", job.on_commit_of);
  if (!job.group.empty())
    when += format(", at most {} of {} at once", job.group_live_max, job.group);
  return when;
}

int show_plan(Context& context, const wire::WorkflowSpec& spec) {
  if (context.format == OutputFormat::kTable) {
    context.writer.lines("", {format("workflow {} in {}", spec.name, spec.workspace)});
    for (const wire::JobSpec& job : spec.jobs) {
      context.writer.lines("",
                           {"", format("# {} ({}){}", job.name, job.kind, when_text(job)),
                            "# " + command_of(context, spec, job),
                            job.config_yaml.substr(0, job.config_yaml.find_last_not_of('\n') + 1)});
    }
    return to_int(ExitCode::kOk);
  }
  Listing listing{{{"name", "NAME"},
                   {"kind", "KIND"},
                   {"after", "AFTER"},
                   {"after_any", "AFTER THE END OF"},
                   {"after_commit", "AFTER THE CHECKPOINT"},
                   {"on_commit_of", "ON COMMIT OF"},
                   {"workspace", "WORKSPACE"},
                   {"command", "COMMAND"},
                   {"config", "CONFIG"}},
                  {},
                  ""};
  for (const wire::JobSpec& job : spec.jobs) {
    listing.rows.push_back({text(job.name), text(job.kind), texts(job.after), texts(job.after_any),
                            texts(commits_of(job)), text(job.on_commit_of), text(spec.workspace),
                            text(command_of(context, spec, job)), text(job.config_yaml)});
  }
  context.writer.listing(listing);
  return to_int(ExitCode::kOk);
}

/// A lost answer does not say whether the workflow was taken: asking again with the
/// same token is safe.
Result<wire::SubmitReply> submit(Context& context, Connection& connection,
                                 const wire::SubmitRequest& request) {
  Result<wire::SubmitReply> reply = ask<wire::SubmitReply>(connection, request);
  for (int attempt = 1; attempt < kSubmitTries; ++attempt) {
    if (reply.ok() || reply.status().code() != ErrorCode::kUnavailable) break;
    context.host.clock.sleep_ms(kRetryPauseMs);
    reply = ask<wire::SubmitReply>(connection, request);
  }
  return reply;
}

void report(Context& context, const wire::WorkflowSpec& spec, const wire::SubmitReply& reply) {
  std::vector<std::string> jobs;
  for (const auto& [name, id] : reply.jobs) jobs.push_back(format("{} {}", id.value, name));
  context.writer.record({{"workflow", number(reply.workflow.value)},
                         {"name", text(spec.name)},
                         {"workspace", text(spec.workspace)},
                         {"jobs", texts(std::move(jobs))}});
  context.host.out.flush();
  for (const std::string& notice : reply.notices)
    context.host.err << "note: " << printable(notice) << "\n";
}

Result<int> run(Context& context, const Options& options) {
  TA_ASSIGN_OR_RETURN(const config::Workflow workflow,
                      config::load_workflow(context.host.files, options.file, options.overrides));
  const std::string token = options.token.empty() ? context.host.random_token() : options.token;
  TA_ASSIGN_OR_RETURN(const Path workspace, choose_workspace(context, options, workflow, token));
  const wire::WorkflowSpec spec = to_spec(workflow, workspace);
  if (options.dry_run) return show_plan(context, spec);
  const auto connection = context.connect();
  TA_ASSIGN_OR_RETURN(const wire::SubmitReply reply, submit(context, *connection, {token, spec}));
  report(context, spec, reply);
  if (!options.wait) return to_int(ExitCode::kOk);
  return follow_jobs(context, *connection, {.newcomers = Newcomers{reply.workflow, {}}});
}

}  // namespace

void add_submit(Program& program) {
  auto options = std::make_shared<Options>();
  CLI::App* command = program.app.add_subcommand("submit", "Check a workflow file and hand it in");
  command->add_option("FILE", options->file, "workflow file (configs/README.md)")->required();
  command->add_option("--set", options->overrides, "key.path=value; may be given several times")
      ->option_text("KEY=VALUE")
      ->allow_extra_args(false);
  command->add_option("--workspace", options->workspace, "working directory of the jobs")
      ->option_text("DIR");
  command
      ->add_option("--token", options->token,
                   "names this submission: sent again with the same token, it is not submitted "
                   "twice")
      ->option_text("TEXT")
      ->check(CLI::Validator(check_token, ""));
  command->add_flag("--wait", options->wait,
                    "wait for all jobs; exit code 1 when one does not succeed");
  command->add_flag("--dry-run", options->dry_run,
                    "print configurations and commands, submit nothing");
  command->footer(
      "Examples:\n"
      "  tagalign submit configs/demo.yml --wait\n"
      "  tagalign submit configs/camvid.yml --set vars.camvid=/data/camvid\n"
      "  tagalign submit configs/demo.yml --set jobs.tagalign.config.steps=200 --dry-run");
  program.on(command, options, run);
}

}  // namespace tagalign::cli
