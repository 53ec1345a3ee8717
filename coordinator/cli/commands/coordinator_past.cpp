/// `tagalign coordinator export|repair|replay`: what was decided once, without a coordinator.
#include "base/counted.h"
#include "base/exit_codes.h"
#include "base/format.h"
#include "coordinator/cli/commands/commands.h"

namespace tagalign::cli {
namespace {

constexpr std::uint64_t kHistoryBytesMax = 8ULL << 30;

struct NoOptions {};
struct ReplayOptions {
  std::string file;
  std::string what_if;
};

Result<int> export_facts(Context& context, const NoOptions&) {
  TA_ASSIGN_OR_RETURN(const ExportEnd end,
                      context.host.past.export_facts(context.state, [&](const std::string& line) {
                        context.host.out << line << "\n";
                      }));
  if (end.first > 1) {
    context.host.err << format("facts 1 to {} have left the archive\n", end.first - 1);
  }
  if (end.missing > 0) {
    context.host.err << format("{} missing: a repair left them out\n",
                               counted(end.missing, "fact is", "facts are"));
  }
  return to_int(ExitCode::kOk);
}

Result<int> repair(Context& context, const NoOptions&) {
  TA_ASSIGN_OR_RETURN(const RepairEnd end,
                      context.host.past.repair(context.state, context.host.clock.unix_ms()));
  context.writer.lines("repair", end.lines);
  return to_int(ExitCode::kOk);
}

Result<int> replay(Context& context, const ReplayOptions& options) {
  TA_ASSIGN_OR_RETURN(const std::string history,
                      context.host.files.read_file(options.file, kHistoryBytesMax));
  auto end = context.host.past.replay(history, options.what_if);
  if (!end.ok()) return end.status().with_context("replay " + options.file);
  context.writer.listing(end->listing);
  for (const std::string& remark : end->remarks) context.host.err << remark << "\n";
  return to_int(ExitCode::kOk);
}

}  // namespace

void add_coordinator_past(Program& program, CLI::App& group) {
  CLI::App* export_command = group.add_subcommand(
      "export", "All facts that its folder has, as lines of JSON; also while it runs");
  export_command->footer("Example:\n  tagalign coordinator export > history.jsonl");
  program.on(export_command, std::make_shared<NoOptions>(), export_facts);
  CLI::App* repair_command = group.add_subcommand(
      "repair", "Keep what verifies of a damaged store, and say what is dropped");
  repair_command->footer(
      "The damaged files are kept in STATE/damaged-TIME.\nExample:\n  tagalign coordinator repair");
  program.on(repair_command, std::make_shared<NoOptions>(), repair);
  auto options = std::make_shared<ReplayOptions>();
  CLI::App* replay_command = group.add_subcommand(
      "replay", "Decide a history again, under another policy: makespan, waiting and goodput");
  replay_command->add_option("FILE", options->file, "of `tagalign coordinator export`")->required();
  replay_command
      ->add_option("--what-if", options->what_if,
                   "slots=N (of each agent), agents=N, checkpoint.every=STEPS, priorities=off, "
                   "backfill=off, preemption=off, failures=off, retries=N")
      ->option_text("KEY=VALUE,…");
  replay_command->footer(
      "Examples:\n  tagalign coordinator replay history.jsonl\n"
      "  tagalign coordinator replay history.jsonl --what-if slots=16,checkpoint.every=200");
  program.on(replay_command, options, replay);
}

}  // namespace tagalign::cli
