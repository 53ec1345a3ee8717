#include "base/counted.h"
#include "base/exit_codes.h"
#include "base/format.h"
#include "coordinator/cli/commands/commands.h"

namespace tagalign::cli {
namespace {

constexpr std::int64_t kStartMsMax = 20'000;
constexpr std::int64_t kStartPollMs = 50;
constexpr std::int64_t kStopMsMax = 150'000;
constexpr std::uint64_t kLogBytesMax = 64u << 20;
constexpr std::size_t kLogTailChars = 2'000;

struct NoOptions {};
struct StopOptions {
  bool kill = false;
};

Record record_of(const wire::StatusReply& status) {
  Record record = {{"endpoint", text(status.endpoint)},
                   {"pid", number(static_cast<std::uint64_t>(status.pid))},
                   {"version", text(status.version)},
                   {"state_folder", text(status.state_folder)},
                   {"started", text(format_utc(status.started_ms))},
                   {"events", number(status.events)}};
  std::vector<std::string> agents;
  for (const auto& agent : status.agents) {
    agents.push_back(format("{} on {} ({} of {} free, {}, {})", agent.id, agent.host,
                            agent.slots_free, counted(agent.slots, "slot"),
                            counted(agent.gpus, "GPU"), agent.connected ? "connected" : "lost"));
  }
  std::vector<std::string> jobs;
  for (const auto& [state, count] : status.jobs_by_state)
    jobs.push_back(format("{} {}", count, state));
  record.emplace_back("agents", texts(std::move(agents)));
  record.emplace_back("jobs", texts(std::move(jobs)));
  return record;
}

Result<wire::StatusReply> ask_status(const Context& context) {
  const auto connection = context.connect();
  return ask<wire::StatusReply>(*connection, wire::StatusRequest{});
}

Result<int> status(Context& context, const NoOptions&) {
  TA_ASSIGN_OR_RETURN(const auto reply, ask_status(context));
  context.writer.record(record_of(reply));
  return to_int(ExitCode::kOk);
}

std::vector<std::string> run_arguments(const Path& state, const CoordinatorArguments& options) {
  std::vector<std::string> arguments = {"--state", state.string(), "coordinator",
                                        "run",     "--pool",       options.pool};
  if (options.listen) arguments.insert(arguments.end(), {"--listen", *options.listen});
  if (options.slots) arguments.insert(arguments.end(), {"--slots", format("{}", *options.slots)});
  return arguments;
}

/// What the daemon wrote to its log since it was `from` bytes long.
std::string log_since(const Context& context, const Path& log, std::uint64_t from) {
  const auto contents = context.host.files.read_file(log, kLogBytesMax);
  if (!contents.ok() || contents->size() < from) return "";
  const std::string fresh = contents->substr(from);
  return fresh.size() <= kLogTailChars ? fresh : fresh.substr(fresh.size() - kLogTailChars);
}

/// Until it answers, has ended, or takes too long.
Result<wire::StatusReply> await_start(const Context& context, pid_t pid, const Path& log,
                                      std::uint64_t from) {
  const MonotonicMs start = context.host.clock.monotonic_ms();
  while (true) {
    auto reply = ask_status(context);
    if (reply.ok()) return reply;
    if (const auto exit = context.host.exit_of(pid)) {
      // Another one may have been started at the same time, and hold the folder.
      if (auto other = ask_status(context); other.ok()) return other;
      return Status(ErrorCode::kInvalidArgument,
                    format("start coordinator on {}: it ended with {}; its log {} says:\n{}",
                           context.state.string(), exit->to_string(), log.string(),
                           log_since(context, log, from)));
    }
    if (reply.status().code() != ErrorCode::kUnavailable) return reply.status();
    if (context.host.clock.monotonic_ms() - start > kStartMsMax) {
      return timed_out(format("start coordinator on {}: no answer after {}; look into {}",
                              context.state.string(), format_duration(kStartMsMax), log.string()));
    }
    context.host.clock.sleep_ms(kStartPollMs);
  }
}

Result<int> start(Context& context, const CoordinatorArguments& options) {
  if (const auto running = ask_status(context); running.ok()) {
    context.host.err << "a coordinator runs already on " << context.state.string() << "\n";
    context.writer.record(record_of(*running));
    return to_int(ExitCode::kOk);
  }
  TA_RETURN_IF_ERROR(context.host.create_state_folder(context.state));
  const Path log = context.state / "coordinator.log";
  const std::uint64_t log_bytes =
      context.host.files.exists(log)
          ? context.host.files.file_size(log).ok() ? *context.host.files.file_size(log) : 0
          : 0;
  TA_ASSIGN_OR_RETURN(const pid_t pid,
                      context.host.start_detached(run_arguments(context.state, options), log));
  TA_ASSIGN_OR_RETURN(const auto reply, await_start(context, pid, log, log_bytes));
  context.writer.record(record_of(reply));
  return to_int(ExitCode::kOk);
}

Result<int> stop(Context& context, const StopOptions& options) {
  const auto connection = context.connect();
  TA_ASSIGN_OR_RETURN(const auto reply,
                      ask<wire::StopReply>(*connection, wire::StopRequest{options.kill}));
  context.writer.lines("message", {reply.message});
  context.host.out.flush();
  const MonotonicMs start_ms = context.host.clock.monotonic_ms();
  while (true) {
    // First, because a question to one that is just ending is answered by nobody.
    context.host.clock.sleep_ms(kStartPollMs);
    const auto running = ask_status(context);
    if (!running.ok()) {
      if (running.status().code() != ErrorCode::kUnavailable) return running.status();
      return to_int(ExitCode::kOk);
    }
    if (context.host.clock.monotonic_ms() - start_ms > kStopMsMax) {
      return timed_out(
          format("stop coordinator: it still answers after {}; `tagalign coordinator stop "
                 "--kill` does not wait for jobs to save",
                 format_duration(kStopMsMax)));
    }
  }
}

Result<int> run(Context& context, const CoordinatorArguments& options) {
  CoordinatorArguments arguments = options;
  arguments.state = context.state;
  return context.host.run_coordinator(arguments);
}

void add_daemon_options(CLI::App* command, CoordinatorArguments& options) {
  command
      ->add_option("--listen", options.listen,
                   "tcp://ADDRESS:PORT (default: the last port again, at first any on 127.0.0.1)")
      ->option_text("ENDPOINT");
  command->add_option("--slots", options.slots, "of the local agent (default: GPUs, else cores)")
      ->check(CLI::Range(1, 4096));
  command
      ->add_option("--pool", options.pool,
                   "local: start an agent here; none: agents come by themselves")
      ->check(CLI::IsMember({"local", "none"}))
      ->capture_default_str();
}

}  // namespace

void add_coordinator(Program& program) {
  CLI::App* group =
      program.app.add_subcommand("coordinator", "Start, look at and stop the coordinator");
  group->require_subcommand(1);
  auto start_options = std::make_shared<CoordinatorArguments>();
  CLI::App* start_command =
      group->add_subcommand("start", "Start it in the background; says where it listens");
  add_daemon_options(start_command, *start_options);
  start_command->footer(
      "Examples:\n  tagalign coordinator start\n"
      "  tagalign coordinator start --listen tcp://10.0.0.5:7711 --pool none");
  program.on(start_command, start_options, start);
  CLI::App* status_command =
      group->add_subcommand("status", "Where it listens, its agents and jobs");
  status_command->footer("Example:\n  tagalign --output json coordinator status");
  program.on(status_command, std::make_shared<NoOptions>(), status);
  auto stop_options = std::make_shared<StopOptions>();
  CLI::App* stop_command =
      group->add_subcommand("stop", "Let jobs save, end its agents and itself");
  stop_command->add_flag("--kill", stop_options->kill, "do not wait for jobs to save");
  stop_command->footer("Example:\n  tagalign coordinator stop");
  program.on(stop_command, stop_options, stop);
  add_coordinator_past(program, *group);
  auto run_options = std::make_shared<CoordinatorArguments>();
  CLI::App* run_command = group->add_subcommand("run", "Run it in the foreground")->group("");
  add_daemon_options(run_command, *run_options);
  program.on(run_command, run_options, run);
}

}  // namespace tagalign::cli
