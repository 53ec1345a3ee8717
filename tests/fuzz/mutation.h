/// Damaged copies of good bytes, for as long as a test is given.
///
/// Each test makes a fixed number of them; with TAGALIGN_FUZZ_SECONDS=N in the environment it goes on for
/// N seconds instead, from another seed at every run, which it prints.
#pragma once

#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>

namespace tagalign::fuzz {

using Random = std::mt19937_64;

inline std::size_t below(Random& random, std::size_t bound) {
  return random() % std::max<std::size_t>(bound, 1);
}

/// One to eight changes: a byte, a number, a cut, a repetition.
inline std::string mutated(std::string bytes, Random& random) {
  for (std::size_t change = 0; change <= below(random, 8) && !bytes.empty(); ++change) {
    const std::size_t at = below(random, bytes.size());
    const std::size_t count = std::min(below(random, 64) + 1, bytes.size() - at);
    switch (below(random, 6)) {
      case 0:
        bytes.erase(at, count);
        break;
      case 1:
        bytes.insert(below(random, bytes.size()), bytes.substr(at, count));
        break;
      case 2:
        for (std::size_t i = at; i < at + std::min<std::size_t>(count, 8); ++i)
          bytes[i] = static_cast<char>(random() % 2 == 0 ? 0xff : 0);
        break;
      case 3:
        bytes.resize(at);
        break;
      default:
        bytes[at] = static_cast<char>(random());
    }
  }
  return bytes;
}

/// for (Rounds rounds(500); rounds.more();) use(rounds.first() ? seed : mutated(seed, rounds.random()));
class Rounds {
 public:
  explicit Rounds(int count) : count_(count) {
    const char* seconds = std::getenv("TAGALIGN_FUZZ_SECONDS");
    if (seconds == nullptr) return;
    seconds_ = std::atof(seconds);
    const auto seed = std::random_device{}();
    std::printf("seed %u, %.0f s\n", seed, seconds_);
    random_.seed(seed);
  }
  ~Rounds() {
    if (seconds_ > 0) std::printf("%d rounds\n", round_);
  }

  bool more() {
    const bool more = seconds_ > 0 ? Clock::now() - start_ < std::chrono::duration<double>(seconds_)
                                   : round_ < count_;
    round_ += more ? 1 : 0;
    return more;
  }
  bool first() const { return round_ == 1; }
  int done() const { return round_; }
  Random& random() { return random_; }

 private:
  using Clock = std::chrono::steady_clock;
  int count_;
  int round_ = 0;
  double seconds_ = 0;
  Clock::time_point start_ = Clock::now();
  Random random_{20'261'127};
};

/// The most that the process has ever used, in KiB.
inline long peak_kib() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

}  // namespace tagalign::fuzz
