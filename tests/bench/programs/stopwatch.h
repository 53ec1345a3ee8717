/// Wall and CPU time of a stretch of work, for programs that answer a suite's lines. Header only;
/// for one thread at a time.
#pragma once

#include <sys/resource.h>

#include <chrono>

namespace tagalign::bench {

/// Of the whole process, all threads, since it was made.
class Stopwatch {
 public:
  double wall_s() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begun_).count();
  }
  double cpu_s() const { return cpu_now() - cpu_; }

 private:
  static double cpu_now() {
    rusage used{};
    getrusage(RUSAGE_SELF, &used);
    const auto seconds = [](const timeval& time) {
      return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
    };
    return seconds(used.ru_utime) + seconds(used.ru_stime);
  }

  std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
  double cpu_ = cpu_now();
};

}  // namespace tagalign::bench
