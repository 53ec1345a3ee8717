#include "coordinator/cli/past.h"

#include "base/counted.h"
#include "base/format.h"
#include "coordinator/replay/compare.h"
#include "coordinator/store/fact_json.h"
#include "coordinator/store/history.h"
#include "coordinator/store/repair.h"

namespace tagalign::cli {
namespace {

using replay::Figures;

Result<ExportEnd> export_facts(const Path& state,
                               const std::function<void(const std::string&)>& take) {
  ExportEnd end;
  TA_ASSIGN_OR_RETURN(const store::HistoryRange range,
                      store::read_history(state, [&](std::uint64_t sequence, const auto& fact) {
                        take(store::fact_to_json(sequence, fact));
                        ++end.facts;
                        return ok_status();
                      }));
  end.first = range.first;
  end.missing = range.missing;
  return end;
}

Result<RepairEnd> repair(const Path& state, UnixMs now_ms) {
  TA_ASSIGN_OR_RETURN(store::RepairReport report, store::repair_store(state, now_ms));
  return RepairEnd{report.repaired, std::move(report.lines)};
}

// ---------------------------------------------------------------- replay

/// A replay begins with nothing, so that nothing may be missing.
Result<std::vector<core::Fact>> facts_of(const std::string& history) {
  std::vector<core::Fact> facts;
  for (std::size_t begin = 0; begin < history.size();) {
    const std::size_t end = std::min(history.find('\n', begin), history.size());
    auto read = store::fact_from_json(std::string_view(history).substr(begin, end - begin));
    if (!read.ok()) return read.status().with_context(format("line {}", facts.size() + 1));
    if (read->sequence != facts.size() + 1) {
      return invalid_argument(format(
          "line {}: expected fact {}, found {}; a replay needs a history from its first fact "
          "on, and older ones have left the archive",
          facts.size() + 1, facts.size() + 1, read->sequence));
    }
    facts.push_back(std::move(read->fact));
    begin = end + 1;
  }
  if (facts.empty()) return invalid_argument("it holds no fact");
  return facts;
}

/// One line of the table: what to read from the figures, and how it is written.
struct Measure {
  const char* key;
  double (*get)(const Figures& figures);
  std::string (*show)(double value);
};

std::string as_duration(double value) {
  return format_duration(static_cast<std::int64_t>(value));
}
std::string as_count(double value) {
  return format("{:.0f}", value);
}
std::string as_percent(double value) {
  return format("{:.1f} %", 100 * value);
}

template <const char* State>
double jobs_that(const Figures& figures) {
  const auto found = figures.jobs.find(State);
  return found == figures.jobs.end() ? 0 : static_cast<double>(found->second);
}
constexpr char kSucceeded[] = "succeeded";
constexpr char kFailed[] = "failed";
constexpr char kCancelled[] = "cancelled";
constexpr char kNotEnded[] = "not ended";

constexpr Measure kMeasures[] = {
    {"makespan", [](const Figures& f) { return static_cast<double>(f.makespan_ms); }, as_duration},
    {"waiting, mean", [](const Figures& f) { return static_cast<double>(f.waiting_mean_ms); },
     as_duration},
    {"waiting, p90", [](const Figures& f) { return static_cast<double>(f.waiting_p90_ms); },
     as_duration},
    {"goodput", [](const Figures& f) { return f.goodput(); }, as_percent},
    {"slot time held", [](const Figures& f) { return static_cast<double>(f.ledger.held()); },
     as_duration},
    {"slot time lost", [](const Figures& f) { return static_cast<double>(f.ledger.lost); },
     as_duration},
    {"attempts", [](const Figures& f) { return static_cast<double>(f.ledger.attempts); }, as_count},
    {"jobs succeeded", jobs_that<kSucceeded>, as_count},
    {"jobs failed", jobs_that<kFailed>, as_count},
    {"jobs cancelled", jobs_that<kCancelled>, as_count},
    {"jobs not ended", jobs_that<kNotEnded>, as_count}};

/// How far `value` is from `base`.
Value off_by(double base, double value) {
  if (base == value) return {0.0, "-"};
  if (base == 0) return nothing();
  const double percent = 100 * (value - base) / base;
  return {percent, format("{:+.1f} %", percent)};
}

Listing table_of(const replay::Comparison& compared) {
  Listing listing{{{"figure", "FIGURE"},
                   {"history", "HISTORY", true},
                   {"replayed", "REPLAYED", true},
                   {"off_percent", "OFF BY", true}},
                  {},
                  ""};
  if (compared.what_if) {
    listing.columns.push_back({"what_if", "WHAT IF", true});
    listing.columns.push_back({"change_percent", "CHANGE", true});
  }
  for (const Measure& measure : kMeasures) {
    const double was = measure.get(compared.history), again = measure.get(compared.replayed);
    std::vector<Value> row{text(measure.key),
                           {was, measure.show(was)},
                           {again, measure.show(again)},
                           off_by(was, again)};
    if (compared.what_if) {
      const double changed = measure.get(*compared.what_if);
      row.push_back({changed, measure.show(changed)});
      row.push_back(off_by(again, changed));
    }
    listing.rows.push_back(std::move(row));
  }
  return listing;
}

Result<ReplayEnd> replay_history(const std::string& history, const std::string& what_if) {
  TA_ASSIGN_OR_RETURN(const replay::WhatIf changes, replay::parse_what_if(what_if));
  TA_ASSIGN_OR_RETURN(const std::vector<core::Fact> facts, facts_of(history));
  const replay::Comparison compared = replay::compare(facts, changes);
  ReplayEnd end{table_of(compared), {}};
  const double was = static_cast<double>(compared.history.makespan_ms);
  const double again = static_cast<double>(compared.replayed.makespan_ms);
  end.remarks.push_back(format(
      "{}; decided again without a change it takes {} as long: the closer to 1, the more a what-if "
      "means",
      counted(facts.size(), "fact", "facts"),
      was == 0 ? "-" : format("{:.2f} times", again / was)));
  return end;
}

}  // namespace

Past past_of_this_machine() {
  return {.export_facts = export_facts, .repair = repair, .replay = replay_history};
}

}  // namespace tagalign::cli
