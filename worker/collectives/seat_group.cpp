#include "worker/collectives/seat_group.h"

#include <algorithm>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string_view>
#include <utility>

#include "base/format.h"

namespace tagalign::collectives {
namespace {

/// Where the seats of one process meet. What a seat brings lies in its slot until all have gone on.
class Table {
 public:
  Table(CollectiveGroup& processes, int seats)
      : processes_(processes), seats_(seats), floats_(count()), words_(count()), texts_(count()) {}

  CollectiveGroup& processes() const { return processes_; }
  int seats() const { return seats_; }

  /// Returns what `work` said, which the last seat to come has run for all: it may touch all slots.
  Status meet(const char* collective, const std::function<void()>& bring,
              const std::function<Status()>& work) {
    std::unique_lock lock(mutex_);
    if (!failure_.ok()) return failure_;
    if (arrived_ > 0 && collective != running_) {
      fail(
          internal_error(format("seats of one process disagree: {} and {}", running_, collective)));
      return failure_;
    }
    running_ = collective;
    bring();
    const std::uint64_t round = round_;
    if (++arrived_ < seats_) {
      changed_.wait(lock, [&] { return round_ != round || !failure_.ok(); });
      return round_ != round ? ok_status() : failure_;
    }
    if (const Status status = work(); !status.ok()) {
      fail(status);
      return failure_;
    }
    arrived_ = 0;
    ++round_;
    changed_.notify_all();
    return ok_status();
  }

  void abort(const Status& reason) {
    const std::lock_guard lock(mutex_);
    if (failure_.ok()) fail(reason);
  }

  std::span<float>& floats(std::size_t seat) { return floats_[seat]; }
  std::span<std::uint64_t>& words(std::size_t seat) { return words_[seat]; }
  std::string& text(std::size_t seat) { return texts_[seat]; }
  std::size_t count() const { return static_cast<std::size_t>(seats_); }

  std::vector<float> packed;           ///< what the process brings to the others
  std::vector<float> all;              ///< of all ranks
  std::vector<std::string> all_texts;  ///< of all ranks

 private:
  void fail(Status status) {
    failure_ = std::move(status);
    changed_.notify_all();
  }

  CollectiveGroup& processes_;
  const int seats_;
  std::mutex mutex_;
  std::condition_variable changed_;
  int arrived_ = 0;
  std::uint64_t round_ = 0;
  std::string_view running_;
  Status failure_;
  std::vector<std::span<float>> floats_;
  std::vector<std::span<std::uint64_t>> words_;
  std::vector<std::string> texts_;
};

/// "5:hello3:you", so that the texts of a process travel as one.
std::string pack(const Table& table, const std::function<const std::string&(std::size_t)>& text) {
  std::string packed;
  for (std::size_t seat = 0; seat < table.count(); ++seat)
    packed += format("{}:{}", text(seat).size(), text(seat));
  return packed;
}

void unpack(std::string_view packed, std::vector<std::string>& texts) {
  while (!packed.empty()) {
    const std::size_t colon = packed.find(':');
    const std::size_t size = std::stoull(std::string(packed.substr(0, colon)));
    texts.emplace_back(packed.substr(colon + 1, size));
    packed.remove_prefix(colon + 1 + size);
  }
}

class Seat final : public CollectiveGroup {
 public:
  Seat(int number, std::shared_ptr<Table> table) : number_(number), table_(std::move(table)) {}

  int rank() const override { return table_->processes().rank() * table_->seats() + number_; }
  int size() const override { return table_->processes().size() * table_->seats(); }
  Memory memory() const override { return Memory::kHost; }

  Status all_reduce_sum(std::span<float> values) override {
    return table_->meet(
        "all_reduce_sum", [&] { table_->floats(index()) = values; },
        [&] { return sum_all(values.size()); });
  }

  Status all_gather(std::span<const float> mine, std::span<float> gathered) override {
    TA_CHECK(gathered.size() == mine.size() * static_cast<std::size_t>(size()));
    const auto part = gathered.subspan(mine.size() * static_cast<std::size_t>(rank()), mine.size());
    std::copy(mine.begin(), mine.end(), part.begin());
    return table_->meet(
        "all_gather", [&] { table_->floats(index()) = gathered; },
        [&] { return gather_all(mine.size(), gathered.size()); });
  }

  Status all_reduce_sum_u64(std::span<std::uint64_t> values) override {
    return reduce(
        "all_reduce_sum_u64", values, [](std::uint64_t a, std::uint64_t b) { return a + b; },
        [](CollectiveGroup& group, std::span<std::uint64_t> sums) {
          return group.all_reduce_sum_u64(sums);
        });
  }
  Status all_reduce_max_u64(std::span<std::uint64_t> values) override {
    return reduce(
        "all_reduce_max_u64", values,
        [](std::uint64_t a, std::uint64_t b) { return std::max(a, b); },
        [](CollectiveGroup& group, std::span<std::uint64_t> highest) {
          return group.all_reduce_max_u64(highest);
        });
  }

  Result<std::vector<std::string>> all_gather_strings(const std::string& mine) override {
    std::vector<std::string> all;
    TA_RETURN_IF_ERROR(table_->meet(
        "all_gather_strings", [&] { table_->text(index()) = mine; },
        [&] { return gather_texts(); }));
    TA_RETURN_IF_ERROR(table_->meet(
        "all_gather_strings, read", [&] { all = table_->all_texts; }, [] { return ok_status(); }));
    return all;
  }

  Status barrier() override {
    return table_->meet(
        "barrier", [] {}, [&] { return table_->processes().barrier(); });
  }

  void abort(const std::string& reason) override {
    table_->abort(peer_lost(format("rank {} gave up: {}", rank(), reason)));
  }

 private:
  std::size_t index() const { return static_cast<std::size_t>(number_); }

  /// All seats bring as many values, or it is an error of the program.
  Status check_sizes(std::size_t size) const {
    for (std::size_t seat = 0; seat < table_->count(); ++seat) {
      if (table_->floats(seat).size() != size)
        return internal_error(
            format("a seat brings {} values, another {}", table_->floats(seat).size(), size));
    }
    return ok_status();
  }

  Status sum_all(std::size_t size) {
    TA_RETURN_IF_ERROR(check_sizes(size));
    table_->packed.clear();
    for (std::size_t seat = 0; seat < table_->count(); ++seat) {
      const auto values = table_->floats(seat);
      table_->packed.insert(table_->packed.end(), values.begin(), values.end());
    }
    TA_RETURN_IF_ERROR(gather_packed());
    const auto ranks = static_cast<std::size_t>(this->size());
    const std::span<float> sum = table_->floats(0);
    std::copy_n(table_->all.begin(), size, sum.begin());
    for (std::size_t rank = 1; rank < ranks; ++rank) {
      for (std::size_t i = 0; i < size; ++i) sum[i] += table_->all[rank * size + i];
    }
    for (std::size_t seat = 1; seat < table_->count(); ++seat)
      std::copy(sum.begin(), sum.end(), table_->floats(seat).begin());
    return ok_status();
  }

  /// Each seat's own part lies in place already.
  Status gather_all(std::size_t part, std::size_t whole) {
    TA_RETURN_IF_ERROR(check_sizes(whole));
    table_->packed.clear();
    const auto first = static_cast<std::size_t>(table_->processes().rank()) * table_->count();
    for (std::size_t seat = 0; seat < table_->count(); ++seat) {
      const auto mine = table_->floats(seat).subspan((first + seat) * part, part);
      table_->packed.insert(table_->packed.end(), mine.begin(), mine.end());
    }
    TA_RETURN_IF_ERROR(gather_packed());
    for (std::size_t seat = 0; seat < table_->count(); ++seat)
      std::copy(table_->all.begin(), table_->all.end(), table_->floats(seat).begin());
    return ok_status();
  }

  Status gather_packed() {
    CollectiveGroup& processes = table_->processes();
    table_->all.resize(table_->packed.size() * static_cast<std::size_t>(processes.size()));
    if (processes.size() > 1) return processes.all_gather(table_->packed, table_->all);
    std::copy(table_->packed.begin(), table_->packed.end(), table_->all.begin());
    return ok_status();
  }

  Status gather_texts() {
    const std::string packed = pack(
        *table_, [this](std::size_t seat) -> const std::string& { return table_->text(seat); });
    TA_ASSIGN_OR_RETURN(const auto processes, table_->processes().all_gather_strings(packed));
    table_->all_texts.clear();
    for (const std::string& one : processes) unpack(one, table_->all_texts);
    return ok_status();
  }

  template <class Operation, class Among>
  Status reduce(const char* collective, std::span<std::uint64_t> values, const Operation& operation,
                const Among& among) {
    const auto work = [&]() -> Status {
      const std::span<std::uint64_t> total = table_->words(0);
      for (std::size_t seat = 1; seat < table_->count(); ++seat) {
        if (table_->words(seat).size() != total.size())
          return internal_error(format("{}: seats bring different numbers of values", collective));
        std::ranges::transform(total, table_->words(seat), total.begin(), operation);
      }
      TA_RETURN_IF_ERROR(among(table_->processes(), total));
      for (std::size_t seat = 1; seat < table_->count(); ++seat)
        std::ranges::copy(total, table_->words(seat).begin());
      return ok_status();
    };
    return table_->meet(
        collective, [&] { table_->words(index()) = values; }, work);
  }

  const int number_;
  const std::shared_ptr<Table> table_;
};

}  // namespace

std::vector<std::unique_ptr<CollectiveGroup>> make_seat_groups(CollectiveGroup& processes,
                                                               int seats) {
  TA_CHECK(seats > 0 && processes.memory() == Memory::kHost);
  const auto table = std::make_shared<Table>(processes, seats);
  std::vector<std::unique_ptr<CollectiveGroup>> groups;
  for (int seat = 0; seat < seats; ++seat) groups.push_back(std::make_unique<Seat>(seat, table));
  return groups;
}

}  // namespace tagalign::collectives
