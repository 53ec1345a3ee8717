#include "worker/rank/activity.h"

#include <algorithm>

namespace tagalign::jobs {

void Activity::enter(wire::Phase phase) {
  const std::scoped_lock lock(mutex_);
  view_.phase = phase;
  ++view_.moves;
}

void Activity::move() {
  const std::scoped_lock lock(mutex_);
  ++view_.moves;
}

void Activity::begin_collective(std::string_view name, std::uint64_t bytes) {
  const MonotonicMs now_ms = clock_.monotonic_ms();
  const std::scoped_lock lock(mutex_);
  view_.collective = name;
  const std::uint64_t number = ++view_.collectives;
  kept_[number % kept_.size()] = {number, name, bytes, now_ms, 0};
}

void Activity::end_collective() {
  const MonotonicMs now_ms = clock_.monotonic_ms();
  const std::scoped_lock lock(mutex_);
  CollectiveRecord& record = kept_[view_.collectives % kept_.size()];
  record.ended_ms = now_ms;
  collective_ms_ += now_ms - record.begun_ms;
  view_.collective = {};
  ++view_.moves;
}

Activity::View Activity::view() const {
  const std::scoped_lock lock(mutex_);
  return view_;
}

std::vector<CollectiveRecord> Activity::collectives() const {
  const std::scoped_lock lock(mutex_);
  std::vector<CollectiveRecord> records;
  const std::uint64_t kept = std::min<std::uint64_t>(view_.collectives, kept_.size());
  for (std::uint64_t number = view_.collectives - kept + 1; number <= view_.collectives; ++number)
    records.push_back(kept_[number % kept_.size()]);
  return records;
}

std::int64_t Activity::collective_ms() const {
  const std::scoped_lock lock(mutex_);
  return collective_ms_;
}

}  // namespace tagalign::jobs
