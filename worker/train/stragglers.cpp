#include "worker/train/stragglers.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <sstream>

#include "base/format.h"

namespace tagalign::jobs {
namespace {

constexpr std::int64_t kSlowerMs = 20;

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "unknown";
}

/// How a split travels between ranks.
std::string to_text(const StepSplit& split) {
  return format("{} {} {} {}", split.loader_ms, split.compute_ms, split.collective_ms, split.host);
}

StepSplit from_text(const std::string& text) {
  std::istringstream stream(text);
  StepSplit split;
  stream >> split.loader_ms >> split.compute_ms >> split.collective_ms >> split.host;
  return split;
}

double per_step(std::int64_t ms, std::uint64_t steps) {
  return static_cast<double>(ms) / static_cast<double>(steps);
}

}  // namespace

std::vector<std::pair<int, std::string>> slow_ranks(const std::vector<StepSplit>& splits,
                                                    std::uint64_t steps) {
  std::vector<std::int64_t> own;
  for (const StepSplit& split : splits) own.push_back(split.own_ms());
  std::ranges::sort(own);
  const std::int64_t median = own[(own.size() - 1) / 2];
  std::vector<std::pair<int, std::string>> slow;
  for (std::size_t rank = 0; rank < splits.size(); ++rank) {
    const StepSplit& split = splits[rank];
    const std::int64_t more = split.own_ms() - median;
    if (2 * split.own_ms() <= 3 * median || more < kSlowerMs * static_cast<std::int64_t>(steps))
      continue;
    slow.emplace_back(
        static_cast<int>(rank),
        format("rank {} on {} is slow: {:.0f} ms of its own a step, the median is {:.0f} (loader "
               "{:.0f}, compute {:.0f}, collectives {:.0f}); the others wait for it",
               rank, split.host, per_step(split.own_ms(), steps), per_step(median, steps),
               per_step(split.loader_ms, steps), per_step(split.compute_ms, steps),
               per_step(split.collective_ms, steps)));
  }
  return slow;
}

StragglerWatch::StragglerWatch(Rank& rank, Clock& clock) : rank_(rank), clock_(clock) {}

void StragglerWatch::step_begins() {
  begun_ms_ = clock_.monotonic_ms();
  collective_before_ms_ = rank_.collective_ms();
}

void StragglerWatch::batch_is_there() {
  const MonotonicMs now_ms = clock_.monotonic_ms();
  split_.loader_ms += now_ms - begun_ms_;
  begun_ms_ = now_ms;
}

Status StragglerWatch::step_done() {
  const std::int64_t collective_ms = rank_.collective_ms() - collective_before_ms_;
  split_.collective_ms += collective_ms;
  split_.compute_ms += clock_.monotonic_ms() - begun_ms_ - collective_ms;
  if (++steps_ < kStragglerSteps || rank_.group.size() == 1) return ok_status();
  return compare();
}

Status StragglerWatch::compare() {
  split_.host = host_name();
  TA_ASSIGN_OR_RETURN(const auto texts, rank_.group.all_gather_strings(to_text(split_)));
  std::vector<StepSplit> splits;
  for (const std::string& text : texts) splits.push_back(from_text(text));
  if (rank_.is_first()) say(splits);
  split_ = {};
  steps_ = 0;
  return ok_status();
}

void StragglerWatch::say(const std::vector<StepSplit>& splits) {
  std::set<int> slow;
  for (const auto& [rank, sentence] : slow_ranks(splits, steps_)) {
    slow.insert(rank);
    if (!said_.contains(rank)) rank_.reporter.notice(sentence);
  }
  said_ = std::move(slow);
}

}  // namespace tagalign::jobs
