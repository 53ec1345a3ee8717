#include "tests/golden/check/report.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <ostream>
#include <utility>

#include "base/format.h"

namespace tagalign::golden {
namespace {

std::string plural(std::uint64_t count, const std::string& noun) {
  return format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

double share_used(double deviation, double allowed) {
  if (deviation == 0) return 0;
  return allowed > 0 ? deviation / allowed : std::numeric_limits<double>::infinity();
}

std::string tolerance_text(const Tolerance& tolerance, double allowed) {
  if (allowed == 0) return "exact";
  const bool scaled = tolerance.relative > 0 && tolerance.absolute == 0;
  return scaled ? format("{:.1e} of the largest", tolerance.relative) : format("{:.1e}", allowed);
}

std::string count_tolerance_text(const CountTolerance& tolerance) {
  if (tolerance.share == 0) return "exact";
  const std::string share = tolerance.share < 1 ? format(" in {:.2g}", tolerance.share) : "";
  return std::isinf(tolerance.levels) ? format("any{}", share)
                                      : format("{:g}{}", tolerance.levels, share);
}

std::string shortened(const std::string& text) {
  constexpr std::size_t kShown = 40;
  return text.size() <= kShown ? text : format("{:.{}}…", text, kShown);
}

nlohmann::ordered_json json_number(double value) {
  return std::isfinite(value) ? nlohmann::ordered_json(value) : nlohmann::ordered_json("infinite");
}

}  // namespace

double Tolerance::allowed(double largest) const {
  const double growth = typical > 0 ? std::max(1.0, largest / typical) : 1.0;
  return absolute * growth + relative * largest;
}

std::string verdict_name(Verdict verdict) {
  switch (verdict) {
    case Verdict::kOk:
      return "ok";
    case Verdict::kOut:
      return "OUT";
    case Verdict::kMissing:
      return "MISSING";
    case Verdict::kNotCompared:
      return "not compared";
  }
  return "";
}

void Report::begin_group(const std::string& group) {
  groups_.push_back({.name = group});
}

void Report::end_group() {
  const Group& group = groups_.back();
  if (group.ok + group.out + group.missing == 0 && !group.left_out) {
    missing("everything", "the folder holds nothing that this group compares");
  }
  out_ << summary(groups_.back()) << "\n\n";
}

void Report::add(Line line) {
  if (groups_.empty()) begin_group("general");
  Group& group = groups_.back();
  line.group = group.name;
  switch (line.verdict) {
    case Verdict::kOk:
      ++group.ok;
      break;
    case Verdict::kOut:
      ++group.out;
      break;
    case Verdict::kMissing:
      ++group.missing;
      break;
    case Verdict::kNotCompared:
      ++group.not_compared;
      break;
  }
  if (line.verdict == Verdict::kOk && line.used > group.used) {
    group.used = line.used;
    group.used_by = line.quantity;
  }
  const bool compared = !line.compared.empty();
  out_ << format("{:<14} {:<66} {:>26} {:>10} {:>10} {:>20}  {}{}\n", line.group, line.quantity,
                 line.compared, compared ? format("{:.2e}", line.absolute) : "",
                 compared ? format("{:.2e}", line.relative) : "", line.tolerance,
                 verdict_name(line.verdict), line.note.empty() ? "" : ": " + line.note);
  lines_.push_back(std::move(line));
}

void Report::deviation(const std::string& quantity, const Deviation& found,
                       const Tolerance& tolerance) {
  if (!found.problem.empty()) return failed(quantity, found.problem);
  const double allowed = tolerance.allowed(found.largest);
  add({.quantity = quantity,
       .compared = plural(found.values, "value"),
       .absolute = found.absolute,
       .relative = found.relative(),
       .tolerance = tolerance_text(tolerance, allowed),
       .used = share_used(found.absolute, allowed),
       .verdict = found.absolute <= allowed ? Verdict::kOk : Verdict::kOut});
}

void Report::number(const std::string& quantity, double actual, double expected,
                    const Tolerance& tolerance) {
  const double allowed = tolerance.allowed(std::isnan(expected) ? 0.0 : std::abs(expected));
  const double deviation = std::isnan(actual) && std::isnan(expected) ? 0
                           : actual == expected                       ? 0
                                                                      : std::abs(actual - expected);
  add({.quantity = quantity,
       .compared = format("{:.9g} {:.9g}", actual, expected),
       .absolute = deviation,
       .relative = deviation > 0 && expected != 0 ? deviation / std::abs(expected) : deviation,
       .tolerance = tolerance_text(tolerance, allowed),
       .used = share_used(deviation, allowed),
       .verdict = deviation <= allowed ? Verdict::kOk : Verdict::kOut});
}

void Report::equal(const std::string& quantity, const std::string& actual,
                   const std::string& expected) {
  const bool same = actual == expected;
  add({.quantity = quantity,
       .compared = "1 text",
       .absolute = same ? 0.0 : 1.0,
       .relative = same ? 0.0 : 1.0,
       .tolerance = "exact",
       .verdict = same ? Verdict::kOk : Verdict::kOut,
       .note = same ? ""
                    : format("found '{}', expected '{}'", shortened(actual), shortened(expected))});
}

void Report::equal(const std::string& quantity, std::int64_t actual, std::int64_t expected) {
  number(quantity, static_cast<double>(actual), static_cast<double>(expected), {});
}

void Report::counted(const std::string& quantity, std::uint64_t values, std::uint64_t differing,
                     double levels, const CountTolerance& tolerance, const std::string& note) {
  if (values == 0 && differing == 0) return not_compared(quantity, "there is nothing to compare");
  const double share =
      values == 0 ? 0.0 : static_cast<double>(differing) / static_cast<double>(values);
  const bool good = differing == 0 || (share <= tolerance.share && levels <= tolerance.levels);
  std::string text = note;
  if (differing > 0) {
    text = format("{} differ{}{}", differing, differing == 1 ? "s" : "",
                  note.empty() ? "" : "; " + note);
  }
  add({.quantity = quantity,
       .compared = plural(values, "value"),
       .absolute = levels,
       .relative = share,
       .tolerance = count_tolerance_text(tolerance),
       .used = share_used(share, tolerance.share),
       .verdict = good ? Verdict::kOk : Verdict::kOut,
       .note = text});
}

void Report::bytes(const std::string& quantity, std::span<const std::uint8_t> actual,
                   std::span<const std::uint8_t> expected, const CountTolerance& tolerance) {
  if (actual.size() != expected.size()) {
    return failed(quantity, format("{} bytes, expected {}", actual.size(), expected.size()));
  }
  std::uint64_t differing = 0;
  int worst = 0;
  for (std::size_t i = 0; i < actual.size(); ++i) {
    const int levels = std::abs(int{actual[i]} - int{expected[i]});
    differing += levels > 0 ? 1 : 0;
    worst = std::max(worst, levels);
  }
  counted(quantity, actual.size(), differing, worst, tolerance);
}

void Report::chance(const std::string& quantity, std::uint64_t draws, double statistic,
                    double probability, double probability_min) {
  add({.quantity = quantity,
       .compared = plural(draws, "draw"),
       .absolute = statistic,
       .relative = probability,
       .tolerance = format("p > {:g}", probability_min),
       .verdict = probability > probability_min ? Verdict::kOk : Verdict::kOut,
       .note = format("p {:.3g}", probability)});
}

void Report::failed(const std::string& quantity, const std::string& reason) {
  add({.quantity = quantity, .verdict = Verdict::kOut, .note = reason});
}

void Report::missing(const std::string& quantity, const std::string& reason) {
  add({.quantity = quantity, .verdict = Verdict::kMissing, .note = reason});
}

void Report::not_compared(const std::string& quantity, const std::string& reason) {
  add({.quantity = quantity, .verdict = Verdict::kNotCompared, .note = reason});
}

void Report::left_out(const std::string& path) {
  not_compared(path, "the folder's SUBSET leaves it out");
  groups_.back().left_out = true;
}

bool Report::all_agree() const {
  return std::all_of(groups_.begin(), groups_.end(),
                     [](const Group& group) { return group.out + group.missing == 0; });
}

std::string Report::summary(const Group& group) {
  std::string text = format("{}: {} ok, {} out, {} missing, {} not compared", group.name, group.ok,
                            group.out, group.missing, group.not_compared);
  if (group.used > 0) {
    text += format("; nearest to its tolerance: {} at {:.0f} %", group.used_by, 100 * group.used);
  }
  return text;
}

void Report::print_total() const {
  for (const Group& group : groups_) out_ << summary(group) << "\n";
  out_ << (all_agree() ? "everything that was compared agrees\n"
                       : "NOT EVERYTHING AGREES: see the lines marked OUT and MISSING\n");
}

nlohmann::ordered_json Report::json() const {
  nlohmann::ordered_json result = {{"agrees", all_agree()}};
  for (const Group& group : groups_) {
    result["groups"][group.name] = {{"ok", group.ok},
                                    {"out", group.out},
                                    {"missing", group.missing},
                                    {"not_compared", group.not_compared},
                                    {"largest_share_of_tolerance", json_number(group.used)},
                                    {"nearest", group.used_by}};
  }
  for (const Line& line : lines_) {
    result["lines"].push_back({{"group", line.group},
                               {"quantity", line.quantity},
                               {"compared", line.compared},
                               {"absolute", json_number(line.absolute)},
                               {"relative", json_number(line.relative)},
                               {"tolerance", line.tolerance},
                               {"verdict", verdict_name(line.verdict)},
                               {"note", line.note}});
  }
  return result;
}

}  // namespace tagalign::golden
