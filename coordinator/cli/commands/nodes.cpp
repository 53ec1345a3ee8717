/// `tagalign nodes`: the agents, and what runs on them.
#include "base/exit_codes.h"
#include "base/format.h"
#include "coordinator/cli/commands/commands.h"
#include "coordinator/cli/talk/patience.h"

namespace tagalign::cli {
namespace {

struct Options {
  bool watch = false;
  bool all = false;
};

constexpr std::int64_t kLookMs = 1'000;

/// "3 h 2 min" until then; empty for what has no end.
std::string left_text(UnixMs ends_ms, UnixMs now_ms) {
  if (ends_ms == 0) return "";
  return ends_ms > now_ms ? format_duration(ends_ms - now_ms) : "now";
}

std::vector<Value> row_of(const wire::AgentSummary& agent, UnixMs now_ms) {
  const std::string running = format("{}", fmt::join(agent.running, ", "));
  return {text(agent.id),
          text(agent.host),
          text(agent.node),
          text(agent.pool),
          text(agent.allocation),
          number(static_cast<std::uint64_t>(agent.slots)),
          number(static_cast<std::uint64_t>(agent.connected ? agent.slots_free : 0)),
          number(static_cast<std::uint64_t>(agent.gpus)),
          text(agent.since_ms == 0 ? "" : format_utc(agent.since_ms)),
          text(left_text(agent.ends_ms, now_ms)),
          text(agent.state),
          text(running),
          text(agent.note)};
}

Listing listing_of(const wire::StatusReply& status, const Options& options, UnixMs now_ms) {
  Listing listing{{{"agent", "AGENT"},
                   {"host", "HOST"},
                   {"node", "NODE"},
                   {"pool", "POOL"},
                   {"slurm_job", "SLURM JOB"},
                   {"slots", "SLOTS", true},
                   {"free", "FREE", true},
                   {"gpus", "GPUS", true},
                   {"since", "SINCE"},
                   {"ends_in", "ENDS IN"},
                   {"state", "STATE"},
                   {"running", "RUNNING"},
                   {"note", "NOTE"}},
                  {},
                  "no agent is connected; start one with: tagalign agent, or add a pool: tagalign "
                  "pool add"};
  for (const wire::AgentSummary& agent : status.agents) {
    if (agent.connected || options.all) listing.rows.push_back(row_of(agent, now_ms));
  }
  return listing;
}

Status show(Context& context, Connection& connection, const Options& options) {
  TA_ASSIGN_OR_RETURN(const auto status, ask<wire::StatusReply>(connection, wire::StatusRequest{}));
  const bool redraw = options.watch && context.format == OutputFormat::kTable;
  if (redraw && context.host.has_colours) context.host.out << "\x1b[H\x1b[2J";
  context.writer.listing(listing_of(status, options, context.host.clock.unix_ms()));
  context.host.out.flush();
  return ok_status();
}

Result<int> run(Context& context, const Options& options) {
  const auto connection = context.connect();
  Patience patience(context.host.clock,
                    [&](const std::string& line) { context.host.err << line << '\n'; });
  while (true) {
    const Status shown = show(context, *connection, options);
    if (!options.watch) TA_RETURN_IF_ERROR(shown);
    if (shown.ok() && !options.watch) return to_int(ExitCode::kOk);
    if (shown.ok()) {
      patience.answered();
    } else {
      TA_RETURN_IF_ERROR(patience.bear(shown));
    }
    context.host.clock.sleep_ms(kLookMs);
  }
}

}  // namespace

void add_nodes(Program& program) {
  auto options = std::make_shared<Options>();
  CLI::App* command = program.app.add_subcommand(
      "nodes", "The agents: where they run, what they offer and what runs there");
  command->add_flag("--all", options->all, "also agents that are gone");
  command->add_flag("--watch", options->watch, "again every second, until interrupted");
  command->footer("Example:\n  tagalign nodes --watch");
  program.on(command, options, run);
}

}  // namespace tagalign::cli
