/// Work on many small parts by a few threads at a time.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <system_error>
#include <thread>
#include <vector>

namespace tagalign::checkpoint {

/// Calls `work(i)` once for each i below `count`, on up to `threads` threads with the caller's among
/// them, in ascending order but for what they do at the same time. Returns when all is done.
template <class Work>
void in_parallel(std::size_t count, std::size_t threads, const Work& work) {
  std::atomic<std::size_t> next{0};
  const auto take_turns = [&] {
    for (std::size_t i = next++; i < count; i = next++) work(i);
  };
  std::vector<std::jthread> helpers;
  try {
    while (helpers.size() + 1 < std::min(threads, count)) helpers.emplace_back(take_turns);
  } catch (const std::system_error&) {
    // No more threads on this machine: those that are there do it all.
  }
  take_turns();
}

}  // namespace tagalign::checkpoint
