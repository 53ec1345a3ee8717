/// What a step computes before it changes the state: about 100 ms of arithmetic on one thread, in its
/// caches, always as much. Header only.
#pragma once

#include <chrono>
#include <vector>

namespace tagalign::bench {

class Passes {
 public:
  Passes() {
    while (run_ms() < 100) rounds_ *= 2;
  }
  double run_ms() {
    const auto start = std::chrono::steady_clock::now();
    for (int round = 0; round < rounds_; ++round) {
      for (float& value : values_) value = value * 0.999F + 0.5F;
    }
    seen_ = values_.front();
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start;
    return took.count();
  }

 private:
  int rounds_ = 64;
  volatile float seen_ = 0;  ///< or nothing of it need be computed
  std::vector<float> values_ = std::vector<float>(8192, 1.0F);
};

}  // namespace tagalign::bench
