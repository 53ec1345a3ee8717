#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <mutex>

#include "base/format.h"
#include "worker/collectives/collective_group.h"

namespace tagalign::collectives {
namespace {

/// What the seats share: one slot each for the arguments of the running collective, and a barrier.
class Table {
 public:
  Table(int size, std::int64_t timeout_ms)
      : size_(size), timeout_(timeout_ms), floats_(count()), words_(count()), texts_(count()) {}

  int size() const { return size_; }

  /// All ranks have put their arguments into their slots: from here to close() each
  /// may touch all slots.
  Status open(int rank, const char* collective) {
    std::unique_lock lock(mutex_);
    return meet(lock, rank, collective);
  }
  /// This rank touches no slot any more. Returns when that is true of all ranks, so that nobody
  /// writes into memory whose owner has gone on.
  Status close(int rank, const char* collective) {
    std::unique_lock lock(mutex_);
    leave();
    return meet(lock, rank, collective);
  }
  /// close() for a rank that found an error: it sticks.
  Status close_with(Status error) {
    std::unique_lock lock(mutex_);
    leave();
    if (failure_.ok()) fail(std::move(error));
    return settle(lock);
  }

  void abort(const Status& reason) {
    const std::lock_guard lock(mutex_);
    if (failure_.ok()) fail(reason);
  }

  std::span<float>& floats(std::size_t rank) { return floats_[rank]; }
  std::span<std::uint64_t>& words(std::size_t rank) { return words_[rank]; }
  std::string& text(std::size_t rank) { return texts_[rank]; }
  const std::vector<std::string>& texts() const { return texts_; }

 private:
  std::size_t count() const { return static_cast<std::size_t>(size_); }
  Status meet(std::unique_lock<std::mutex>& lock, int rank, const char* collective) {
    if (!failure_.ok()) return settle(lock);
    const std::uint64_t round = round_;
    if (++arrived_ == size_) {
      arrived_ = 0;
      ++round_;
      working_ = round_ % 2 == 1 ? size_ : 0;
      changed_.notify_all();
      return ok_status();
    }
    const auto finished = [&] { return round_ != round || !failure_.ok(); };
    if (!changed_.wait_for(lock, timeout_, finished)) {
      fail(timed_out(format("{}: rank {} waited {} ms, {} of {} ranks came", collective, rank,
                            timeout_.count(), arrived_, size_)));
    }
    return round_ != round ? ok_status() : settle(lock);
  }
  void leave() {
    if (--working_ == 0) changed_.notify_all();
  }
  /// The failure, once no rank touches another's memory.
  Status settle(std::unique_lock<std::mutex>& lock) {
    changed_.wait(lock, [&] { return working_ == 0; });
    return failure_;
  }
  void fail(Status status) {
    failure_ = std::move(status);
    changed_.notify_all();
  }

  const int size_;
  const std::chrono::milliseconds timeout_;
  std::mutex mutex_;
  std::condition_variable changed_;
  int arrived_ = 0;
  int working_ = 0;          ///< ranks between open() and close()
  std::uint64_t round_ = 0;  ///< meetings held; odd while a collective is open
  Status failure_;
  // Written by the owner of a slot before a meeting, read by all after it.
  std::vector<std::span<float>> floats_;
  std::vector<std::span<std::uint64_t>> words_;
  std::vector<std::string> texts_;
};

class ThreadGroup final : public CollectiveGroup {
 public:
  ThreadGroup(int rank, std::shared_ptr<Table> table) : rank_(rank), table_(std::move(table)) {}

  int rank() const override { return rank_; }
  int size() const override { return table_->size(); }
  Memory memory() const override { return Memory::kHost; }

  Status all_reduce_sum(std::span<float> values) override {
    const auto slot = [&](std::size_t rank) -> auto& {
      return table_->floats(rank);
    };
    return reduce("all_reduce_sum", values, slot, [](float a, float b) { return a + b; });
  }
  Status all_reduce_sum_u64(std::span<std::uint64_t> values) override {
    const auto slot = [&](std::size_t rank) -> auto& {
      return table_->words(rank);
    };
    return reduce("all_reduce_sum_u64", values, slot,
                  [](std::uint64_t a, std::uint64_t b) { return a + b; });
  }
  Status all_reduce_max_u64(std::span<std::uint64_t> values) override {
    const auto slot = [&](std::size_t rank) -> auto& {
      return table_->words(rank);
    };
    return reduce("all_reduce_max_u64", values, slot,
                  [](std::uint64_t a, std::uint64_t b) { return std::max(a, b); });
  }

  Status all_gather(std::span<const float> mine, std::span<float> gathered) override {
    TA_CHECK(gathered.size() == mine.size() * count());
    ++sequence_;
    // Every rank writes its part into everybody's result: nobody's `mine` outlives the call.
    table_->floats(mine_index()) = gathered;
    TA_RETURN_IF_ERROR(table_->open(rank_, "all_gather"));
    for (std::size_t rank = 0; rank < count(); ++rank) {
      const std::span<float> target = table_->floats(rank);
      if (target.size() != gathered.size())
        return mismatch("all_gather", gathered.size(), target.size());
      std::copy(mine.begin(), mine.end(), target.subspan(mine_index() * mine.size()).begin());
    }
    return table_->close(rank_, "all_gather");
  }

  Result<std::vector<std::string>> all_gather_strings(const std::string& mine) override {
    ++sequence_;
    table_->text(mine_index()) = mine;
    TA_RETURN_IF_ERROR(table_->open(rank_, "all_gather_strings"));
    std::vector<std::string> all = table_->texts();
    TA_RETURN_IF_ERROR(table_->close(rank_, "all_gather_strings"));
    return all;
  }

  Status barrier() override {
    ++sequence_;
    TA_RETURN_IF_ERROR(table_->open(rank_, "barrier"));
    return table_->close(rank_, "barrier");
  }

  void abort(const std::string& reason) override {
    table_->abort(peer_lost(format("rank {} aborted the group: {}", rank_, reason)));
  }

 private:
  std::size_t count() const { return static_cast<std::size_t>(size()); }
  std::size_t mine_index() const { return static_cast<std::size_t>(rank_); }

  Status mismatch(const char* collective, std::size_t expected, std::size_t found) {
    return table_->close_with(
        internal_error(format("{} number {}: rank {} has {} values, another rank {}", collective,
                              sequence_, rank_, expected, found)));
  }

  /// Each rank adds one stretch of the elements, over the ranks in order, and writes
  /// it to all ranks.
  template <class T, class Slot, class Operation>
  Status reduce(const char* collective, std::span<T> values, const Slot& slot,
                const Operation& operation) {
    ++sequence_;
    slot(mine_index()) = values;
    TA_RETURN_IF_ERROR(table_->open(rank_, collective));
    for (std::size_t rank = 0; rank < count(); ++rank) {
      if (slot(rank).size() != values.size())
        return mismatch(collective, values.size(), slot(rank).size());
    }
    const std::size_t begin = values.size() * mine_index() / count();
    const std::size_t end = values.size() * (mine_index() + 1) / count();
    for (std::size_t i = begin; i < end; ++i) {
      T sum = slot(0)[i];
      for (std::size_t rank = 1; rank < count(); ++rank) sum = operation(sum, slot(rank)[i]);
      for (std::size_t rank = 0; rank < count(); ++rank) slot(rank)[i] = sum;
    }
    return table_->close(rank_, collective);
  }

  const int rank_;
  const std::shared_ptr<Table> table_;
  std::uint64_t sequence_ = 0;
};

}  // namespace

std::vector<std::unique_ptr<CollectiveGroup>> make_thread_groups(int size,
                                                                 std::int64_t timeout_ms) {
  TA_CHECK(size > 0 && timeout_ms > 0);
  const auto table = std::make_shared<Table>(size, timeout_ms);
  std::vector<std::unique_ptr<CollectiveGroup>> groups;
  for (int rank = 0; rank < size; ++rank)
    groups.push_back(std::make_unique<ThreadGroup>(rank, table));
  return groups;
}

}  // namespace tagalign::collectives
