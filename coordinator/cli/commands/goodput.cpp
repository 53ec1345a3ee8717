/// `tagalign goodput`: where the slots' time went.
#include "base/exit_codes.h"
#include "base/format.h"
#include "coordinator/cli/commands/commands.h"
#include "coordinator/cli/convert/slot_time.h"

namespace tagalign::cli {
namespace {

struct Options {
  std::string name;
};

Value slot_time(std::int64_t slot_ms) {
  return {slot_ms, format_duration(slot_ms)};
}

Value useful_share(const wire::GoodputRow& row) {
  const auto percent = useful_percent(row);
  return percent ? Value{*percent, format("{:.1f}", *percent)} : nothing();
}

std::vector<Value> row_of(const wire::GoodputRow& row) {
  const bool total = row.job.value == 0;
  std::vector<Value> values{total ? nothing() : number(row.job.value), text(row.workflow),
                            text(row.name), text(row.state),
                            number(static_cast<std::uint64_t>(row.attempts))};
  for (const SlotTimePart& part : kSlotTimeParts) values.push_back(slot_time(row.*part.time));
  values.push_back(useful_share(row));
  return values;
}

wire::GoodputRow sum_of(const std::vector<wire::GoodputRow>& rows) {
  wire::GoodputRow sum;
  sum.name = "all";
  for (const wire::GoodputRow& row : rows) wire::add(sum, row);
  return sum;
}

/// With its sum last, which has no number, and what nobody used behind it.
Listing listing_of(const wire::GoodputReply& reply) {
  Listing listing{{{"id", "ID", true},
                   {"workflow", "WORKFLOW"},
                   {"name", "NAME"},
                   {"state", "STATE"},
                   {"attempts", "ATTEMPTS", true}},
                  {},
                  "no jobs; hand some in with: tagalign submit FILE"};
  for (const SlotTimePart& part : kSlotTimeParts)
    listing.columns.push_back({part.key, part.title, true});
  listing.columns.push_back({"useful_percent", "USEFUL %", true});
  listing.columns.push_back({"idle_ms", "IDLE", true});
  if (reply.rows.empty()) return listing;
  for (const wire::GoodputRow& row : reply.rows) {
    listing.rows.push_back(row_of(row));
    listing.rows.back().push_back(nothing());
  }
  listing.rows.push_back(row_of(sum_of(reply.rows)));
  listing.rows.back().push_back(reply.idle == 0 ? nothing() : slot_time(reply.idle));
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
      "goodput",
      "Where the slots' time went: waiting, starting, work, what was lost, hung or idle");
  command->add_option("NAME", options->name, "only the newest workflow, or job, of that name");
  command->footer(
      "Times are slots times time. UNTOLD: of live attempts, whose ranks tell at their "
      "end.\nExamples:\n  tagalign goodput\n  tagalign goodput demo");
  program.on(command, options, run);
}

}  // namespace tagalign::cli
