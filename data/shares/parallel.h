/// Independent pieces of work on a few threads. For data/ only.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <mutex>
#include <thread>
#include <vector>

#include "base/status.h"

namespace tagalign::data {

/// One a core, at most eight: decoding images gains nothing from more.
inline std::size_t usual_threads() {
  return std::clamp<std::size_t>(std::thread::hardware_concurrency(), 1, 8);
}

/// Runs work(0 … count-1), each once, in any order; the first error wins and stops the rest.
/// Returns when no call runs any more.
template <class Work>
Status in_parallel(std::size_t count, std::size_t threads, const Work& work) {
  std::atomic<std::size_t> next{0};
  std::mutex mutex;
  Status first_error;
  const auto loop = [&] {
    for (std::size_t i = next++; i < count; i = next++) {
      if (Status status = work(i); !status.ok()) {
        const std::lock_guard lock(mutex);
        if (first_error.ok()) first_error = std::move(status);
        next = count;
      }
    }
  };
  std::vector<std::jthread> helpers;
  for (std::size_t i = 1; i < std::min(threads, count); ++i) helpers.emplace_back(loop);
  loop();
  helpers.clear();
  return first_error;
}

}  // namespace tagalign::data
