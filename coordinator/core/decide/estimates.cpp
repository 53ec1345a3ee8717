#include "coordinator/core/decide/estimates.h"

#include <algorithm>
#include <ranges>
#include <vector>

#include "coordinator/core/core.h"
#include "coordinator/core/decide/runway.h"

namespace tagalign::core {
namespace {

template <class T>
void lower(std::optional<T>& value, const std::optional<T>& bound) {
  if (bound && (!value || *bound < *value)) value = bound;
}

std::optional<std::int64_t> usual_run_ms(const State& state, const Job& job) {
  const auto found = state.index.durations.find(family_of(state, job));
  if (found == state.index.durations.end()) return std::nullopt;
  std::vector<std::int64_t> sorted;
  for (const auto& [end, duration] : found->second) sorted.push_back(duration);
  std::ranges::sort(sorted);
  return sorted[sorted.size() / 2];
}

/// The last two commits of the live attempt, or its start and the only one, drawn on to `wanted`.
std::optional<UnixMs> drawn_on(const Job& job, std::uint64_t wanted) {
  const UnixMs begun_ms = job.attempts.back().started_ms;
  std::vector<std::pair<std::uint64_t, UnixMs>> points;
  for (const auto& [step, commit] : std::views::reverse(job.checkpoints)) {
    points.emplace_back(step, std::max(commit.second, begun_ms));
    if (commit.second < begun_ms || points.size() == 2) break;
  }
  if (points.empty() || points.front().second == begun_ms) return std::nullopt;
  if (points.size() == 1) points.emplace_back(0, begun_ms);
  const auto& [step, at_ms] = points.front();
  const auto& [earlier, earlier_ms] = points.back();
  if (wanted < step || step <= earlier) return std::nullopt;
  const double step_ms =
      static_cast<double>(at_ms - earlier_ms) / static_cast<double>(step - earlier);
  return at_ms + static_cast<UnixMs>(step_ms * static_cast<double>(wanted - step));
}

std::optional<std::int64_t> limit_left_ms(const Job& job, UnixMs now_ms) {
  if (job.time_limit_s == 0) return std::nullopt;
  return std::max<std::int64_t>(0, job.time_limit_s * 1000 - run_ms(job, now_ms));
}

}  // namespace

std::optional<std::int64_t> expected_run_ms(const State& state, const Job& job, UnixMs now_ms) {
  std::optional<std::int64_t> expected = usual_run_ms(state, job);
  if (expected) expected = std::max<std::int64_t>(0, *expected - run_ms(job, now_ms));
  lower(expected, limit_left_ms(job, now_ms));
  return expected;
}

std::optional<UnixMs> expected_step_ms(const Job& job, std::uint64_t step, UnixMs now_ms) {
  if (holder(job) == nullptr) return std::nullopt;
  const auto at_ms = drawn_on(job, step);
  return at_ms ? std::optional(std::max(*at_ms, now_ms)) : std::nullopt;
}

std::optional<UnixMs> limit_over_ms(const Job& job) {
  if (job.time_limit_s == 0 || holder(job) == nullptr) return std::nullopt;
  const UnixMs begun_ms = job.attempts.back().started_ms;
  return begun_ms + job.time_limit_s * 1000 - run_ms(job, begun_ms);
}

std::optional<UnixMs> expected_end_ms(const State& state, const Job& job, UnixMs now_ms) {
  if (holder(job) == nullptr) return std::nullopt;
  std::optional<UnixMs> expected = drawn_on(job, job.pace.steps_total);
  if (const auto left_ms = expected_run_ms(state, job, now_ms)) {
    if (expected)
      lower(expected, limit_over_ms(job));
    else
      expected = now_ms + *left_ms;
  }
  if (const auto* saving = std::get_if<Saving>(&job.state))
    lower(expected, std::optional(saving->since_ms + save_grace_ms(job)));
  if (expected) expected = std::max(*expected, now_ms);
  return expected;
}

}  // namespace tagalign::core
