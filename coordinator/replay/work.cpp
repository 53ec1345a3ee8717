#include "coordinator/replay/work.h"

#include <algorithm>

#include "base/exit_codes.h"

namespace tagalign::replay {
namespace {

using core::AttemptRecord;
using wire::Outcome;

/// By its own doing. Agents that go, and stops that are asked for, are moments of the history.
bool failed_by_itself(Outcome outcome) {
  return outcome == Outcome::kFailed || outcome == Outcome::kRankKilled ||
         outcome == Outcome::kLaunchFailed || outcome == Outcome::kGangApart;
}

/// Exit codes are no facts; 93 is known by what followed from it.
int exit_code_of(const core::Job& job, const AttemptRecord& record) {
  const auto* failed = std::get_if<core::Failed>(&job.state);
  const bool last = record.attempt == job.attempt;
  const bool at_once = failed && last && failed->reason == record.message;
  return at_once && record.outcome == Outcome::kFailed ? to_int(ExitCode::kDoNotRequeue) : 1;
}

/// The work that the newest checkpoint before an attempt had banked.
std::int64_t banked_ms(const core::Job& job, const std::map<std::uint64_t, std::int64_t>& points,
                       UnixMs placed_ms) {
  std::int64_t banked = 0;
  for (const auto& [step, commit] : job.checkpoints) {
    const auto point = points.find(step);
    if (commit.second <= placed_ms && point != points.end()) banked = point->second;
  }
  return banked;
}

/// Adds the commits of an attempt to `points`; returns the work that is done at its end.
std::int64_t walk(const core::Job& job, const AttemptRecord& record, UnixMs ran_ms, UnixMs end_ms,
                  std::map<std::uint64_t, std::int64_t>& points) {
  const std::int64_t base_ms = banked_ms(job, points, record.started_ms);
  std::int64_t saved_ms = 0;
  for (const auto& [step, commit] : job.checkpoints) {
    if (commit.second < ran_ms || commit.second > end_ms) continue;
    saved_ms += job.pace.save_ms;
    points[step] = std::max<std::int64_t>(0, base_ms + commit.second - ran_ms - saved_ms);
  }
  return std::max<std::int64_t>(0, base_ms + end_ms - ran_ms - saved_ms);
}

/// Where `value` lies on the line through two commits, as `y` of `x`.
double on_line(double x0, double y0, double x1, double y1, double value) {
  return x1 == x0 ? y1 : y0 + (value - x0) * (y1 - y0) / (x1 - x0);
}

/// The two commits between which a value lies, or the last two; the beginning is one.
template <class Get>
std::pair<Commit, Commit> around(const Work& work, Get get, std::int64_t value) {
  Commit before, after = work.commits.front();
  for (std::size_t i = 1; i < work.commits.size() && get(after) < value; ++i) {
    before = after;
    after = work.commits[i];
  }
  return {before, after};
}

}  // namespace

Work work_of(const core::Job& job, UnixMs end_ms) {
  Work work{.save_ms = job.pace.save_ms, .pace = job.pace};
  std::map<std::uint64_t, std::int64_t> points;
  std::vector<std::int64_t> starts;
  for (const AttemptRecord& record : job.attempts) {
    const UnixMs ended_ms = record.outcome ? record.ended_ms : end_ms;
    const bool ran = record.ran_ms != 0 || record.outcome == Outcome::kSucceeded;
    const UnixMs ran_ms = record.ran_ms != 0 ? record.ran_ms : record.started_ms;
    if (ran) {
      starts.push_back(ran_ms - record.started_ms);
      const std::int64_t done_ms = walk(job, record, ran_ms, ended_ms, points);
      work.reached_ms = std::max(work.reached_ms, done_ms);
      if (record.outcome == Outcome::kSucceeded) work.total_ms = done_ms;
    }
    if (record.outcome && failed_by_itself(*record.outcome)) {
      work.failures[record.attempt] = {
          *record.outcome,   exit_code_of(job, record), ran,
          ended_ms - ran_ms, record.last_step,          record.message};
    }
  }
  if (!starts.empty()) {
    std::ranges::sort(starts);
    work.start_ms = starts[starts.size() / 2];
  }
  for (const auto& [step, done_ms] : points) {
    const bool later = work.commits.empty() || done_ms > work.commits.back().work_ms;
    if (later && job.checkpoints.at(step).first.scheduled) work.commits.push_back({step, done_ms});
  }
  return work;
}

std::uint64_t step_at(const Work& work, std::int64_t done_ms) {
  if (work.commits.empty()) return 0;
  const auto [a, b] = around(
      work, [](const Commit& c) { return c.work_ms; }, done_ms);
  const double step = on_line(static_cast<double>(a.work_ms), static_cast<double>(a.step),
                              static_cast<double>(b.work_ms), static_cast<double>(b.step),
                              static_cast<double>(done_ms));
  return static_cast<std::uint64_t>(std::max(0.0, step));
}

std::int64_t work_at(const Work& work, std::uint64_t step) {
  if (work.commits.empty()) return 0;
  const auto [a, b] = around(
      work, [](const Commit& c) { return static_cast<std::int64_t>(c.step); },
      static_cast<std::int64_t>(step));
  return static_cast<std::int64_t>(on_line(
      static_cast<double>(a.step), static_cast<double>(a.work_ms), static_cast<double>(b.step),
      static_cast<double>(b.work_ms), static_cast<double>(step)));
}

Work with_commits_every(const Work& work, std::uint64_t steps) {
  if (work.commits.empty() || work.commits.back().work_ms == 0) return work;
  Work changed = work;
  changed.commits.clear();
  const Commit& last = work.commits.back();
  const std::int64_t until_ms = std::max(last.work_ms, work.total_ms.value_or(work.reached_ms));
  for (std::uint64_t step = steps; work_at(work, step) < until_ms; step += steps) {
    const bool passed = step > last.step && step - last.step < steps;
    if (passed) changed.commits.push_back(last);
    changed.commits.push_back({step, work_at(work, step)});
  }
  if (changed.commits.empty() || changed.commits.back().step < last.step)
    changed.commits.push_back(last);
  return changed;
}

}  // namespace tagalign::replay
