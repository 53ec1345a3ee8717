/// Waiting by looking: how the MPI and NCCL groups wait for a request without a blocking call.
#pragma once

#include <unistd.h>

#include <algorithm>

namespace tagalign::collectives {

/// Gives the core away between two looks at a request, as ranks may share a core: a hundred looks
/// at once, then sleeps that grow from 20 µs to 500 µs.
class Pause {
 public:
  void rest() {
    if (++looks_ <= kLooksBeforeSleep) return;
    ::usleep(sleep_us_);
    if (looks_ % kLooksPerStep == 0) sleep_us_ = std::min(sleep_us_ * 2, kSleepUsMax);
  }

 private:
  static constexpr int kLooksBeforeSleep = 100;
  static constexpr int kLooksPerStep = 64;
  static constexpr useconds_t kSleepUsMax = 500;
  int looks_ = 0;
  useconds_t sleep_us_ = 20;
};

}  // namespace tagalign::collectives
