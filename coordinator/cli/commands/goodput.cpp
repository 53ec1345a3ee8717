/// `tagalign goodput`: where the slots' time went.
#include "base/exit_codes.h"
#include "base/format.h"
#include "coordinator/cli/commands/commands.h"

namespace tagalign::cli {
namespace {

struct Options {
  std::string name;
};

Value slot_time(std::int64_t slot_ms) {
  return {slot_ms, format_duration(slot_ms)};
}

std::int64_t held(const wire::GoodputRow& row) {
  return row.starting + row.lasting + row.lost;
}

/// Of what held slots, how much lasts.
Value share(const wire::GoodputRow& row) {
  if (held(row) == 0) return nothing();
  const double percent = 100.0 * static_cast<double>(row.lasting) / static_cast<double>(held(row));
  return {percent, format("{:.1f}", percent)};
}

std::vector<Value> row_of(const wire::GoodputRow& row) {
  const bool total = row.job.value == 0;
  return {total ? nothing() : number(row.job.value),
          text(row.workflow),
          text(row.name),
          text(row.state),
          number(static_cast<std::uint64_t>(row.attempts)),
          slot_time(row.waited),
          slot_time(row.starting),
          slot_time(row.lasting),
          slot_time(row.lost),
          share(row)};
}

/// With its sum last, which has no number.
Listing listing_of(const wire::GoodputReply& reply) {
  Listing listing{{{"id", "ID", true},
                   {"workflow", "WORKFLOW"},
                   {"name", "NAME"},
                   {"state", "STATE"},
                   {"attempts", "ATTEMPTS", true},
                   {"waited_ms", "WAITED", true},
                   {"starting_ms", "STARTING", true},
                   {"lasting_ms", "LASTING", true},
                   {"lost_ms", "LOST", true},
                   {"lasting_percent", "LASTING %", true}},
                  {},
                  "no jobs; hand some in with: tagalign submit FILE"};
  if (reply.rows.empty()) return listing;
  wire::GoodputRow sum;
  sum.name = "all";
  for (const wire::GoodputRow& row : reply.rows) {
    listing.rows.push_back(row_of(row));
    sum.waited += row.waited;
    sum.starting += row.starting;
    sum.lasting += row.lasting;
    sum.lost += row.lost;
    sum.attempts += row.attempts;
  }
  listing.rows.push_back(row_of(sum));
  return listing;
}

Result<int> run(Context& context, const Options& options) {
  const auto connection = context.connect();
  const wire::GoodputRequest request{options.name};
  TA_ASSIGN_OR_RETURN(const auto reply, ask<wire::GoodputReply>(*connection, request));
  context.writer.listing(listing_of(reply));
  return to_int(ExitCode::kOk);
}

}  // namespace

void add_goodput(Program& program) {
  auto options = std::make_shared<Options>();
  CLI::App* command = program.app.add_subcommand(
      "goodput", "Where the slots' time went: waiting, starting, work that lasts or was lost");
  command->add_option("NAME", options->name, "only the newest workflow, or job, of that name");
  command->footer(
      "Times are slots times time.\nExamples:\n  tagalign goodput\n  tagalign goodput demo");
  program.on(command, options, run);
}

}  // namespace tagalign::cli
