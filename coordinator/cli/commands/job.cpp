#include <algorithm>
#include <map>

#include "base/exit_codes.h"
#include "base/format.h"
#include "coordinator/cli/commands/commands.h"
#include "coordinator/cli/convert/slot_time.h"
#include "coordinator/cli/talk/log_tail.h"
#include "coordinator/cli/talk/patience.h"

namespace tagalign::cli {
namespace {

constexpr std::int64_t kLogPollMs = 500;
constexpr std::uint32_t kFollowTailBytes = 65'536;

struct Options {
  std::string job;
};

struct LogOptions {
  std::string job;
  std::optional<std::uint32_t> attempt;
  std::optional<int> rank;
  std::uint32_t tail_bytes = 16'384;
  bool follow = false;
};

std::string attempt_line(const wire::AttemptSummary& attempt) {
  const bool several = attempt.shares.size() > 1;
  std::string line = format("attempt {} on {}{}: {}", attempt.attempt.value, attempt.agent,
                            several ? format(" by {}", attempt.launcher) : "",
                            attempt.outcome.empty() ? "running" : attempt.outcome);
  if (!attempt.message.empty()) line += ", " + attempt.message;
  std::vector<std::string> pids;
  for (const auto& [rank, pid] : attempt.rank_pids)
    pids.push_back(format("rank {} pid {}", rank, pid));
  if (!pids.empty()) line += format(" ({})", fmt::join(pids, ", "));
  return line;
}

/// Where the newest attempt is.
std::vector<std::string> nodes_of(const wire::JobReply& job) {
  return job.attempts.empty() ? std::vector<std::string>{} : job.attempts.back().shares;
}

std::vector<std::string> rank_pids(const wire::JobReply& job) {
  std::vector<std::string> pids;
  if (job.attempts.empty()) return pids;
  for (const auto& [rank, pid] : job.attempts.back().rank_pids) pids.push_back(format("{}", pid));
  return pids;
}

Record record_of(const wire::JobReply& job) {
  const wire::JobSummary& summary = job.summary;
  std::vector<std::string> attempts;
  for (const auto& attempt : job.attempts) attempts.push_back(attempt_line(attempt));
  std::vector<std::string> checkpoints;
  for (const auto& checkpoint : job.checkpoints) checkpoints.push_back(checkpoint.path);
  return {{"id", number(summary.id.value)},
          {"name", text(summary.name)},
          {"workflow", text(summary.workflow_name)},
          {"kind", text(summary.kind)},
          {"state", text(summary.state)},
          {"reason", text(summary.reason)},
          {"ranks", number(static_cast<std::uint64_t>(summary.ranks))},
          {"slots", number(static_cast<std::uint64_t>(summary.slots))},
          {"step", number(summary.step)},
          {"steps_total", number(summary.steps_total)},
          {"activity", text(summary.activity)},
          {"workspace", text(job.workspace)},
          {"after", texts(job.after)},
          {"on_commit_of", text(job.on_commit_of)},
          {"attempt", number(summary.attempt.value)},
          {"attempts", texts(std::move(attempts))},
          {"launcher", text(job.attempts.empty() ? "" : job.attempts.back().launcher)},
          {"nodes", texts(nodes_of(job))},
          {"rank_pids", texts(rank_pids(job))},
          {"checkpoints", texts(std::move(checkpoints))},
          {"slot_time", text(slot_time_text(job.slot_time))},
          {"notices", texts(job.notices)},
          {"overrides", texts(job.overrides)},
          {"config", text(job.config_yaml)}};
}

/// Tables leave out what is empty and give each entry of a list and the configuration
/// lines of their own.
std::vector<std::string> page_of(const Record& record) {
  std::vector<std::string> page;
  for (const auto& [key, value] : record) {
    if (key == "rank_pids" || value.shown.empty()) continue;
    if (const auto* list = std::get_if<std::vector<std::string>>(&value.raw);
        list != nullptr && list->size() > 1) {
      page.push_back(key + ":");
      for (const std::string& item : *list) page.push_back("  " + item);
    } else if (key == "config") {
      page.push_back("config:\n" + value.shown);
    } else {
      page.push_back(format("{:<13} {}", key + ":", value.shown));
    }
  }
  return page;
}

Result<int> show(Context& context, const Options& options) {
  const auto connection = context.connect();
  TA_ASSIGN_OR_RETURN(const auto job,
                      ask<wire::JobReply>(*connection, wire::JobRequest{options.job}));
  const Record record = record_of(job);
  if (context.format == OutputFormat::kTable) {
    context.writer.lines("job", page_of(record));
  } else {
    context.writer.record(record);
  }
  return to_int(ExitCode::kOk);
}

Result<int> explain(Context& context, const Options& options) {
  const auto connection = context.connect();
  TA_ASSIGN_OR_RETURN(const auto reply,
                      ask<wire::ExplainReply>(*connection, wire::ExplainRequest{options.job}));
  context.writer.lines("explanation", reply.lines);
  return to_int(ExitCode::kOk);
}

/// Prints each byte of each file once.
class LogPrinter {
 public:
  explicit LogPrinter(std::ostream& out) : out_(out) {}

  void print(const wire::JobLogReply& log) {
    for (const auto& [path, tail] : log.files) {
      const std::string fresh = unseen_part(seen_[path], tail);
      seen_[path] = tail;
      if (fresh.empty()) continue;
      if (log.files.size() > 1 && path != last_path_) out_ << "==> " << path << " <==\n";
      last_path_ = path;
      out_ << fresh;
    }
    out_.flush();
  }
  bool has_seen_files() const { return !seen_.empty(); }

 private:
  std::ostream& out_;
  std::map<std::string, std::string> seen_;
  std::string last_path_;
};

/// Prints what is new; true when the job has ended. No log yet is nothing new, but a job that ended
/// without any gives kNotFound. After the first look `request` has the job's number: its name may
/// come to stand for a newer one.
Result<bool> print_news(Connection& connection, wire::JobLogRequest& request, LogPrinter& printer) {
  TA_ASSIGN_OR_RETURN(const auto job,
                      ask<wire::JobReply>(connection, wire::JobRequest{request.job}));
  request.job = job.summary.id;
  const bool has_ended = job.summary.terminal;
  const auto log = ask<wire::JobLogReply>(connection, request);
  if (log.ok()) {
    printer.print(*log);
    return has_ended;
  }
  const bool may_lack_logs = !has_ended || printer.has_seen_files();
  if (log.status().code() == ErrorCode::kNotFound && may_lack_logs) return has_ended;
  return log.status();
}

Result<int> follow_log(Context& context, Connection& connection, wire::JobLogRequest request) {
  request.tail_bytes = std::max(request.tail_bytes, kFollowTailBytes);
  LogPrinter printer(context.host.out);
  Patience patience(context.host.clock,
                    [&](const std::string& text) { context.host.err << text << std::endl; });
  while (true) {
    const auto has_ended = print_news(connection, request, printer);
    if (has_ended.ok()) {
      patience.answered();
      if (*has_ended) return to_int(ExitCode::kOk);
    } else {
      TA_RETURN_IF_ERROR(patience.bear(has_ended.status()));
    }
    context.host.clock.sleep_ms(kLogPollMs);
  }
}

Result<int> log(Context& context, const LogOptions& options) {
  const auto connection = context.connect();
  wire::JobLogRequest request{options.job, {}, options.rank, options.tail_bytes};
  if (options.attempt) request.attempt = Attempt{*options.attempt};
  if (options.follow) return follow_log(context, *connection, request);
  TA_ASSIGN_OR_RETURN(const auto reply, ask<wire::JobLogReply>(*connection, request));
  if (context.format != OutputFormat::kTable) {
    Listing listing{{{"path", "PATH"}, {"tail", "TAIL"}}, {}, ""};
    for (const auto& [path, tail] : reply.files) listing.rows.push_back({text(path), text(tail)});
    context.writer.listing(listing);
    return to_int(ExitCode::kOk);
  }
  for (const auto& [path, tail] : reply.files)
    context.host.out << "==> " << path << " <==\n" << tail << "\n";
  return to_int(ExitCode::kOk);
}

CLI::App* add_verb(Program& program, CLI::App* job, const std::string& verb,
                   const std::string& help, Result<int> (*run)(Context&, const Options&)) {
  auto options = std::make_shared<Options>();
  CLI::App* command = job->add_subcommand(verb, help);
  command->add_option("ID", options->job, "number, or name of the newest such job")->required();
  command->footer("Example:\n  tagalign job " + verb + " tagalign");
  program.on(command, options, run);
  return command;
}

}  // namespace

void add_job(Program& program) {
  CLI::App* job =
      program.app.add_subcommand("job", "Look at one job, or change what becomes of jobs");
  job->require_subcommand(1);
  add_verb(program, job, "show", "Everything about a job, its configuration included", show);
  add_verb(program, job, "explain", "Why a job is where it is", explain);
  add_job_changes(program, *job);
  auto options = std::make_shared<LogOptions>();
  CLI::App* command = job->add_subcommand("log", "What its ranks wrote");
  command->add_option("ID", options->job, "number, or name of the newest such job")->required();
  command->add_option("--attempt", options->attempt, "default: the newest");
  command->add_option("--rank", options->rank, "default: all");
  command->add_option("--bytes", options->tail_bytes, "of each file, from its end")
      ->check(CLI::Range(1u, 1u << 20))
      ->capture_default_str();
  command->add_flag("--follow", options->follow,
                    "go on until the job has ended, also before it starts");
  command->footer("Examples:\n  tagalign job log tagalign --rank 0\n  tagalign job log 3 --follow");
  program.on(command, options, log);
}

}  // namespace tagalign::cli
