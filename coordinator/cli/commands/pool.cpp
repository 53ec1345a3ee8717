/// `tagalign pool`: nodes that the coordinator gets by itself.
#include <map>

#include "base/counted.h"
#include "base/exit_codes.h"
#include "base/format.h"
#include "base/time_span.h"
#include "base/utf8.h"
#include "coordinator/cli/commands/commands.h"
#include "coordinator/cli/convert/pool_spec.h"

namespace tagalign::cli {
namespace {

struct SlurmOptions {
  std::string name;
  wire::SlurmSource source;
  std::string time = "1h";
  std::string idle = "5m";
  std::string signal_before = "3m";
  wire::GangLauncher launcher = wire::GangLauncher::kMpirun;
};
struct SshOptions {
  std::vector<std::string> hosts;
  std::string name = "ssh";
  wire::SshSource source;
  wire::GangLauncher launcher = wire::GangLauncher::kMpirun;
};
struct NameOptions {
  std::string name;
};

std::string time_text(UnixMs time_ms) {
  return time_ms == 0 ? "" : format_utc(time_ms);
}

void say_notices(Context& context, const wire::PoolsReply& reply) {
  for (const std::string& notice : reply.notices)
    context.host.err << "note: " << printable(notice) << "\n";
}

// ---------------------------------------------------------------- what is there

std::vector<Value> row_of(const wire::PoolSummary& pool) {
  int running = 0;
  for (const auto& allocation : pool.allocations) running += allocation.agents > 0 ? 1 : 0;
  const auto count = static_cast<int>(pool.allocations.size());
  return {text(pool.spec.name),
          text(pool.state),
          number(static_cast<std::uint64_t>(running)),
          number(static_cast<std::uint64_t>(count - running)),
          number(static_cast<std::uint64_t>(pool.agents)),
          number(static_cast<std::uint64_t>(pool.slots)),
          text(describe(pool.spec)),
          text(pool.reason)};
}

Result<int> list(Context& context, const NameOptions&) {
  const auto connection = context.connect();
  TA_ASSIGN_OR_RETURN(const auto reply, ask<wire::PoolsReply>(*connection, wire::PoolsRequest{}));
  Listing listing{{{"name", "NAME"},
                   {"state", "STATE"},
                   {"working", "WORKING", true},
                   {"waiting", "WAITING", true},
                   {"agents", "AGENTS", true},
                   {"slots", "SLOTS", true},
                   {"source", "SOURCE"},
                   {"reason", "REASON"}},
                  {},
                  "no pools; add one with: tagalign pool add slurm|ssh"};
  for (const auto& pool : reply.pools) listing.rows.push_back(row_of(pool));
  context.writer.listing(listing);
  say_notices(context, reply);
  return to_int(ExitCode::kOk);
}

std::string allocation_line(const wire::AllocationSummary& allocation) {
  std::string line = allocation.name;
  if (!allocation.number.empty()) line += format(" (Slurm job {})", allocation.number);
  line += ": " + allocation.state;
  if (!allocation.nodes.empty() && allocation.nodes != allocation.name) {
    line += " on " + allocation.nodes;
  }
  if (allocation.agents > 0) line += ", " + counted(allocation.agents, "agent");
  if (allocation.started_ms != 0) line += ", since " + time_text(allocation.started_ms);
  if (allocation.ends_ms != 0) line += ", until " + time_text(allocation.ends_ms);
  if (allocation.restarts > 0) line += ", requeued " + counted(allocation.restarts, "time");
  if (!allocation.reason.empty()) line += ": " + allocation.reason;
  return line;
}

std::vector<std::string> event_lines(const wire::PoolSummary& pool) {
  std::vector<std::string> lines;
  for (const auto& event : pool.events) {
    lines.push_back(format("{}  {}", time_text(event.at_ms), event.text));
  }
  return lines;
}

Result<wire::PoolsReply> ask_for(Context& context, const std::string& name) {
  const auto connection = context.connect();
  return ask<wire::PoolsReply>(*connection, wire::PoolsRequest{name});
}

Result<int> show(Context& context, const NameOptions& options) {
  TA_ASSIGN_OR_RETURN(const auto reply, ask_for(context, options.name));
  const wire::PoolSummary& pool = reply.pools.front();
  std::vector<std::string> allocations;
  for (const auto& allocation : pool.allocations) {
    allocations.push_back(allocation_line(allocation));
  }
  const Record record = {{"name", text(pool.spec.name)},
                         {"state", text(pool.state)},
                         {"reason", text(pool.reason)},
                         {"source", text(describe(pool.spec))},
                         {"added", text(time_text(pool.added_ms))},
                         {"agents", number(static_cast<std::uint64_t>(pool.agents))},
                         {"slots", number(static_cast<std::uint64_t>(pool.slots))},
                         {"allocations", texts(allocations)},
                         {"events", texts(event_lines(pool))}};
  say_notices(context, reply);
  if (context.format != OutputFormat::kTable) {
    context.writer.record(record);
    return to_int(ExitCode::kOk);
  }
  std::vector<std::string> page;
  for (const auto& [key, value] : record) {
    if (value.shown.empty() || key == "events") continue;
    if (key == "allocations") {
      page.push_back("allocations:");
      for (const std::string& line : allocations) page.push_back("  " + line);
    } else {
      page.push_back(format("{:<13} {}", key + ":", value.shown));
    }
  }
  context.writer.lines("pool", page);
  return to_int(ExitCode::kOk);
}

Result<int> events(Context& context, const NameOptions& options) {
  TA_ASSIGN_OR_RETURN(const auto reply, ask_for(context, options.name));
  if (context.format != OutputFormat::kJson) {
    context.writer.lines("events", event_lines(reply.pools.front()));
    return to_int(ExitCode::kOk);
  }
  Listing listing{{{"at", "AT"}, {"at_ms", "AT_MS"}, {"text", "TEXT"}}, {}, ""};
  for (const auto& event : reply.pools.front().events) {
    listing.rows.push_back({text(time_text(event.at_ms)),
                            number(static_cast<std::uint64_t>(event.at_ms)), text(event.text)});
  }
  context.writer.listing(listing);
  return to_int(ExitCode::kOk);
}

// ---------------------------------------------------------------- changing it

Result<int> add(Context& context, const wire::PoolSpec& spec) {
  const auto connection = context.connect();
  TA_ASSIGN_OR_RETURN(const auto reply,
                      ask<wire::PoolsReply>(*connection, wire::PoolAddRequest{spec}));
  context.writer.record({{"name", text(spec.name)},
                         {"state", text(reply.pools.front().state)},
                         {"source", text(describe(spec))}});
  say_notices(context, reply);
  return to_int(ExitCode::kOk);
}

Result<int> add_slurm_pool(Context& context, const SlurmOptions& options) {
  wire::SlurmSource source = options.source;
  TA_ASSIGN_OR_RETURN(const auto time_ms, parse_span("--time", options.time));
  TA_ASSIGN_OR_RETURN(const auto signal_ms, parse_span("--signal-before", options.signal_before));
  TA_ASSIGN_OR_RETURN(source.idle_ms, parse_span("--idle", options.idle));
  source.time_limit_s = time_ms / 1'000;
  source.signal_before_end_s = signal_ms / 1'000;
  return add(context, {options.name, options.launcher, source});
}

Result<int> add_ssh_pool(Context& context, const SshOptions& options) {
  wire::SshSource source = options.source;
  for (const std::string& word : options.hosts) {
    TA_ASSIGN_OR_RETURN(auto host, parse_ssh_host(word));
    source.hosts.push_back(std::move(host));
  }
  if (source.state.empty()) source.state = context.state.string();
  return add(context, {options.name, options.launcher, source});
}

Result<int> ask_verb(Context& context, const NameOptions& options, wire::PoolVerb verb) {
  const auto connection = context.connect();
  TA_ASSIGN_OR_RETURN(
      const auto reply,
      ask<wire::PoolsReply>(*connection, wire::PoolVerbRequest{options.name, verb}));
  const bool gone = reply.pools.empty();
  const std::size_t left = gone ? 0 : reply.pools.front().allocations.size();
  context.writer.record({{"name", text(options.name)},
                         {"state", text(gone ? "removed" : reply.pools.front().state)},
                         {"allocations", number(left)}});
  return to_int(ExitCode::kOk);
}
Result<int> pause(Context& context, const NameOptions& options) {
  return ask_verb(context, options, wire::PoolVerb::kPause);
}
Result<int> resume(Context& context, const NameOptions& options) {
  return ask_verb(context, options, wire::PoolVerb::kResume);
}
Result<int> remove(Context& context, const NameOptions& options) {
  return ask_verb(context, options, wire::PoolVerb::kRemove);
}

// ---------------------------------------------------------------- options

void add_launcher(CLI::App* command, wire::GangLauncher& launcher) {
  const std::map<std::string, wire::GangLauncher> launchers = {
      {"mpirun", wire::GangLauncher::kMpirun}, {"srun", wire::GangLauncher::kSrun}};
  command->add_option("--launcher", launcher, "what starts the ranks of a job")
      ->transform(CLI::CheckedTransformer(launchers))
      ->option_text("mpirun|srun (mpirun)");
}

void add_sizes(CLI::App* command, wire::SlurmSource& source) {
  command->add_option("--partition", source.partition, "default: the site's");
  command->add_option("--account", source.account, "default: yours");
  command->add_option("--nodes", source.nodes, "of one allocation")->capture_default_str();
  command->add_option("--gpus-per-node", source.gpus_per_node, "each is a slot")
      ->capture_default_str();
  command->add_option("--cpus-per-node", source.cpus_per_node,
                      "each is a slot where there are no GPUs (default: the site's)");
  command->add_option("--backlog", source.backlog, "allocations that wait while jobs wait")
      ->capture_default_str();
  command->add_option("--max", source.max, "allocations at a time, waiting ones included")
      ->capture_default_str();
}

void add_slurm(Program& program, CLI::App* pool) {
  auto options = std::make_shared<SlurmOptions>();
  CLI::App* command =
      pool->add_subcommand("slurm", "Ask Slurm for nodes while jobs wait, and give them back");
  command->add_option("--name", options->name, "of the pool")->required();
  add_sizes(command, options->source);
  command->add_option("--time", options->time, "limit of an allocation: 8h, 90m, 1-02:00:00")
      ->capture_default_str();
  command->add_option("--idle", options->idle, "without work for that long, nodes are given back")
      ->capture_default_str();
  command
      ->add_option("--signal-before", options->signal_before,
                   "jobs are asked to save that long before the limit")
      ->capture_default_str();
  command
      ->add_option("--sbatch-arg", options->source.sbatch_args,
                   "one more option of sbatch, written with '=': --sbatch-arg=--qos=long")
      ->option_text("ARG ...")
      ->expected(1)
      ->take_all();
  add_launcher(command, options->launcher);
  command->footer(
      "The state folder and tagalign must be where compute nodes see them, and the coordinator "
      "must\n"
      "listen where they reach it: tagalign coordinator start --listen 'tcp://ADDRESS:*'\n"
      "Example:\n  tagalign pool add slurm --name a100 --partition gpu --nodes 2 --gpus-per-node 4 "
      "--time 8h --max 4");
  program.on(command, options, add_slurm_pool);
}

void add_ssh(Program& program, CLI::App* pool) {
  auto options = std::make_shared<SshOptions>();
  options->source.program = "tagalign";
  CLI::App* command =
      pool->add_subcommand("ssh", "Keep an agent running on each of these hosts, over ssh");
  command->add_option("HOST", options->hosts, "HOST, USER@HOST or HOST:SLOTS")->required();
  command->add_option("--name", options->name, "of the pool")->capture_default_str();
  command->add_option("--state", options->source.state,
                      "folder there with endpoint and agent key (default: as here)");
  command->add_option("--program", options->source.program, "tagalign there")
      ->capture_default_str();
  add_launcher(command, options->launcher);
  command->footer(
      "ssh must get in without a password (BatchMode).\n"
      "Example:\n  tagalign pool add ssh desk1:2 desk2:4 --state /shared/tagalign");
  program.on(command, options, add_ssh_pool);
}

void add_verb(Program& program, CLI::App* pool, const std::string& verb, const std::string& help,
              Result<int> (*run)(Context&, const NameOptions&)) {
  auto options = std::make_shared<NameOptions>();
  CLI::App* command = pool->add_subcommand(verb, help);
  if (verb != "list") {
    command->add_option("NAME", options->name, "of the pool")->required();
    command->footer("Example:\n  tagalign pool " + verb + " a100");
  }
  program.on(command, options, run);
}

}  // namespace

void add_pool(Program& program) {
  CLI::App* pool = program.app.add_subcommand(
      "pool", "Nodes that the coordinator gets by itself, from Slurm or over ssh");
  pool->require_subcommand(1);
  CLI::App* added = pool->add_subcommand("add", "Begin a pool; it lasts until it is removed");
  added->require_subcommand(1);
  add_slurm(program, added);
  add_ssh(program, added);
  add_verb(program, pool, "list", "All pools", list);
  add_verb(program, pool, "show", "What a pool has, and what it waits for", show);
  add_verb(program, pool, "events", "What was asked for, what came, what failed and why", events);
  add_verb(program, pool, "pause", "Ask for nothing more; what is there works on", pause);
  add_verb(program, pool, "resume", "Go on, also after a pause by itself", resume);
  add_verb(program, pool, "remove", "Jobs save and leave, nodes are given back", remove);
}

}  // namespace tagalign::cli
