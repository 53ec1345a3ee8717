#include "checkpoint/read/in_order.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace tagalign::checkpoint {
namespace {

class Parts {
 public:
  Parts(std::size_t count, const std::function<Status(std::size_t)>& body)
      : count_(count), body_(body) {}

  void work() {
    while (!failed_) {
      const std::size_t number = next_++;
      if (number >= count_) return;
      Status status = body_(number);
      if (!status.ok()) fail(number, std::move(status));
    }
  }
  Status outcome() && { return std::move(first_); }

 private:
  void fail(std::size_t number, Status status) {
    failed_ = true;
    const std::lock_guard lock(mutex_);
    if (!first_.ok() && first_number_ < number) return;
    first_ = std::move(status);
    first_number_ = number;
  }

  const std::size_t count_;
  const std::function<Status(std::size_t)>& body_;
  std::atomic<std::size_t> next_ = 0;
  std::atomic<bool> failed_ = false;
  std::mutex mutex_;
  Status first_;
  std::size_t first_number_ = 0;
};

/// A machine that is short of threads does the work with those that it has.
void start(std::vector<std::jthread>& helpers, std::size_t wanted, Parts& parts) {
  try {
    while (helpers.size() < wanted) helpers.emplace_back([&parts] { parts.work(); });
  } catch (const std::system_error&) {
  }
}

}  // namespace

Status each_in_order(std::size_t count, int threads,
                     const std::function<Status(std::size_t)>& body) {
  Parts parts(count, body);
  const auto useful = std::min(count, static_cast<std::size_t>(std::max(threads, 1)));
  {
    std::vector<std::jthread> helpers;
    if (useful > 1) start(helpers, useful - 1, parts);
    parts.work();
  }
  return std::move(parts).outcome();
}

}  // namespace tagalign::checkpoint
