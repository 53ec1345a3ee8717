#include "worker/agent/gangs/progress.h"

#include <algorithm>

#include "base/format.h"

namespace tagalign::agent {
namespace {

using wire::Phase;

constexpr std::int64_t kSecond = 1'000;
constexpr std::int64_t kMinute = 60 * kSecond;
/// Of steps and images, whose times are many and alike: this times the median is far outside, and so
/// is this times the longest.
constexpr std::int64_t kFactorOfMedian = 20;
constexpr std::int64_t kFactorOfLongest = 3;
constexpr std::int64_t kFloorOfManyMs = 30 * kSecond;
/// Of what happens once an attempt, or every so many steps: times the longest.
constexpr std::int64_t kFactorOfFew = 5;
constexpr std::int64_t kFloorOfFewMs = 5 * kMinute;
/// The next job of that name may read a hundred times the data.
constexpr std::int64_t kFloorOfLoadMs = 30 * kMinute;
/// So many intervals, then their median is believed; the newest that are kept.
constexpr std::size_t kRecentMin = 3;
constexpr std::size_t kRecentMax = 64;
/// Where ranks wait for one on another node, its agent ends the gang and says whose fault it is.
constexpr std::int64_t kAfterOthersMs = 10 * kSecond;
/// Doublings beyond this wait for ever anyway.
constexpr int kDoublingsMax = 10;

/// Before anything was measured: a first start may build indexes, or compile.
std::int64_t unlearned_ms(Phase phase) {
  switch (phase) {
    case Phase::kStart:
      return 10 * kMinute;
    case Phase::kLoad:
      return 60 * kMinute;
    case Phase::kFirstStep:
    case Phase::kSave:
    case Phase::kStep:
    case Phase::kImage:
      return 30 * kMinute;
    case Phase::kWait:
      return 0;
  }
  return 0;
}

bool is_of_many(Phase phase) {
  return phase == Phase::kStep || phase == Phase::kImage;
}

std::int64_t median(std::vector<std::int64_t> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::ranges::nth_element(values, middle);
  return *middle;
}

std::string_view words(Phase phase) {
  switch (phase) {
    case Phase::kStart:
      return "starting";
    case Phase::kLoad:
      return "loading";
    case Phase::kFirstStep:
      return "its first step";
    case Phase::kStep:
      return "a step";
    case Phase::kSave:
      return "saving";
    case Phase::kImage:
      return "evaluating an image";
    case Phase::kWait:
      return "waiting for the other ranks";
  }
  return "an unknown phase";
}

/// "2 and 3", "0, 2 and 3".
std::string list(const std::vector<int>& ranks) {
  std::string text;
  for (std::size_t i = 0; i < ranks.size(); ++i)
    text += format("{}{}", i == 0 ? "" : i + 1 == ranks.size() ? " and " : ", ", ranks[i]);
  return text;
}

}  // namespace

Progress::Progress(const wire::Patience& patience, int first_rank, int ranks, MonotonicMs now_ms,
                   bool whole)
    : patience_(patience), whole_(whole) {
  for (int number = first_rank; number < first_rank + ranks; ++number) {
    Rank& rank = ranks_[number];
    rank.beat.rank = number;
    rank.moved_ms = rank.seen_ms = now_ms;
  }
}

void Progress::note_interval(Phase phase, std::int64_t interval_ms) {
  std::int64_t& longest = longest_.of(phase);
  longest = std::max(longest, interval_ms);
  // A first step bounds the others: a deadline is known from the second on.
  if (!is_of_many(phase) && phase != Phase::kFirstStep) return;
  if (recent_.size() < kRecentMax) recent_.resize(recent_.size() + 1);
  recent_[next_recent_++ % kRecentMax] = interval_ms;
}

void Progress::on_beat(const wire::RankBeat& beat, MonotonicMs now_ms) {
  const auto found = ranks_.find(beat.rank);
  if (found == ranks_.end() || found->second.ended) return;
  Rank& rank = found->second;
  const Phase before = rank.beat.phase;
  spent_.of(before) += now_ms - rank.seen_ms;
  rank.seen_ms = now_ms;
  if (beat.moves != rank.beat.moves || beat.phase != before) {
    note_interval(before, now_ms - rank.moved_ms);
    rank.moved_ms = now_ms;
  }
  rank.beat = beat;
  rank.heard = true;
}

void Progress::on_end(int number, MonotonicMs now_ms) {
  const auto found = ranks_.find(number);
  if (found == ranks_.end() || found->second.ended) return;
  Rank& rank = found->second;
  spent_.of(rank.beat.phase) += now_ms - rank.seen_ms;
  rank.seen_ms = now_ms;
  rank.ended = true;
}

std::int64_t Progress::deadline_ms(Phase phase) const {
  if (const std::int64_t set_ms = patience_.set.of(phase); set_ms > 0) return set_ms;
  const std::int64_t learned_ms =
      is_of_many(phase) ? deadline_of_many(phase) : deadline_of_few(phase);
  return (learned_ms > 0 ? learned_ms : unlearned_ms(phase))
         << std::min(patience_.doublings, kDoublingsMax);
}

/// 0 while too little is known.
std::int64_t Progress::deadline_of_many(Phase phase) const {
  const std::int64_t usual_ms = patience_.usual.of(phase);
  if (usual_ms == 0 && recent_.size() < kRecentMin) return 0;
  const std::int64_t median_ms = recent_.size() < kRecentMin ? 0 : median(recent_);
  return std::max({kFloorOfManyMs, kFactorOfMedian * median_ms,
                   kFactorOfLongest * std::max(usual_ms, longest_.of(phase))});
}

/// Of earlier attempts alone: what this one did quickly so far says nothing of what comes.
std::int64_t Progress::deadline_of_few(Phase phase) const {
  const std::int64_t usual_ms = patience_.usual.of(phase);
  if (usual_ms == 0 || phase == Phase::kWait) return 0;
  return std::max(phase == Phase::kLoad ? kFloorOfLoadMs : kFloorOfFewMs,
                  kFactorOfFew * std::max(usual_ms, longest_.of(phase)));
}

bool Progress::is_late(const Rank& rank, MonotonicMs now_ms) const {
  const bool tells = !rank.heard || rank.beat.moves > 0;
  const std::int64_t deadline = deadline_ms(rank.beat.phase);
  return tells && !rank.ended && deadline > 0 && now_ms - rank.moved_ms >= deadline;
}

/// The one that has not moved for longest.
const Progress::Rank* Progress::stuck_alone(MonotonicMs now_ms) const {
  const Rank* worst = nullptr;
  for (const auto& [number, rank] : ranks_) {
    if (!rank.beat.collective.empty() || !is_late(rank, now_ms)) continue;
    if (worst == nullptr || rank.moved_ms < worst->moved_ms) worst = &rank;
  }
  return worst;
}

/// Of ranks that all wait, the one that has come least far.
const Progress::Rank* Progress::stuck_together(MonotonicMs now_ms) const {
  const std::int64_t after_others_ms = whole_ ? 0 : kAfterOthersMs;
  const Rank* last = nullptr;
  for (const auto& [number, rank] : ranks_) {
    if (rank.ended) continue;
    if (rank.beat.collective.empty() || !is_late(rank, now_ms - after_others_ms)) return nullptr;
    if (last == nullptr || rank.beat.collectives < last->beat.collectives) last = &rank;
  }
  return last;
}

/// Whom the others wait for, where they do.
std::string Progress::behind(const Rank& late) const {
  std::vector<int> waiting;
  const Rank* first = nullptr;
  for (const auto& [number, rank] : ranks_) {
    if (&rank == &late || rank.ended || rank.beat.collective.empty()) continue;
    waiting.push_back(number);
    if (first == nullptr || rank.beat.collectives > first->beat.collectives) first = &rank;
  }
  if (first == nullptr) return "";
  return format("; rank{} {} wait{} for it in {} (collective {}), it has entered {}",
                waiting.size() == 1 ? "" : "s", list(waiting), waiting.size() == 1 ? "s" : "",
                first->beat.collective, first->beat.collectives, late.beat.collectives);
}

std::optional<Hang> Progress::hang(MonotonicMs now_ms) const {
  const Rank* late = stuck_alone(now_ms);
  const bool alone = late != nullptr;
  if (!alone) late = stuck_together(now_ms);
  if (late == nullptr) return std::nullopt;
  const wire::RankBeat& beat = late->beat;
  const std::string doing =
      alone ? format("{}{}", words(beat.phase),
                     beat.reading.empty() ? "" : format(", reading {}", beat.reading))
            : format("{} (collective {}), as all ranks here", beat.collective, beat.collectives);
  return Hang{
      .rank = beat.rank,
      .since_ms = late->moved_ms,
      .reading = alone && !beat.reading.empty(),
      .why = format("has not got on for {} (its limit is {}): {}, at step {}{}",
                    format_duration(now_ms - late->moved_ms),
                    format_duration(deadline_ms(beat.phase)), doing, beat.step, behind(*late))};
}

bool Progress::is_told() const {
  return std::ranges::any_of(ranks_, [](const auto& rank) { return rank.second.beat.moves > 0; });
}

Hang Progress::hang_of(int number) const {
  const auto found = ranks_.find(number);
  if (found == ranks_.end()) return {.rank = number};
  return {.rank = number, .since_ms = found->second.moved_ms};
}

wire::PhaseTimes Progress::spent(MonotonicMs now_ms, const std::optional<Hang>& hang) const {
  wire::PhaseTimes spent = spent_;
  for (const auto& [number, rank] : ranks_) {
    std::int64_t& phase = spent.of(rank.beat.phase);
    if (!rank.ended) phase += now_ms - rank.seen_ms;
    if (!hang) continue;
    const MonotonicMs end_ms = rank.ended ? rank.seen_ms : now_ms;
    const std::int64_t stood = std::clamp<std::int64_t>(end_ms - hang->since_ms, 0, phase);
    phase -= stood;
    spent.hang += stood;
  }
  return spent;
}

}  // namespace tagalign::agent
