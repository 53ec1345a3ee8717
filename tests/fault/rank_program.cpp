// Stands in for tagalign-worker under a real mpirun: a rank without MPI, whose behaviour is the
// configuration file's text. Words: run (until a stop is requested), exit CODE, checkpoint,
// fail (rank 1 only); train (8 steps), then wait (rank 0, in a collective), meet (all, likewise), loop,
// read (a file that never comes), deaf (no stacks when they are asked for).
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>

#include "base/clock.h"
#include "base/format.h"
#include "base/status.h"
#include "worker/rank/hang_notes.h"
#include "worker/rank/reporter.h"
#include "worker/rank/stacks_posix.h"
#include "worker/rank/watched_files.h"

using namespace tagalign;

/// Outside the unnamed namespace: its name shall stand in a stack.
[[gnu::noinline]] void loop_for_ever() {
  static volatile std::uint64_t rounds = 0;
  while (true) rounds = rounds + 1;
}

namespace {

std::uint64_t number(const char* name) {
  const char* text = std::getenv(name);
  return text == nullptr ? 0 : std::strtoull(text, nullptr, 10);
}

int until_stopped(jobs::Reporter& reporter) {
  for (std::uint64_t step = 1; !reporter.stop_requested(); ++step) {
    reporter.progress(step, 1'000'000, "running");
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return 75;
}

/// What the rank knows of itself, as the worker does.
struct Self {
  jobs::Activity activity{system_clock()};
  jobs::ReadsInFlight reads;
  std::atomic<bool> deaf = false;
  std::string reading() const { return reads.waited_for(system_clock().monotonic_ms()); }
  void write_stacks(int rank) const {
    std::ofstream(Path(std::getenv("TAGALIGN_LOG_FOLDER")) / format("rank-{}.stacks", rank))
        << jobs::activity_text(activity, reading(), system_clock().monotonic_ms())
        << jobs::stacks_of_other_threads();
  }
};

/// Steps of half a second, all ranks in the same collectives.
void train(Self& self, jobs::Reporter& reporter, std::uint64_t steps) {
  self.activity.enter(wire::Phase::kFirstStep);
  for (std::uint64_t step = 1; step <= steps; ++step) {
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
    self.activity.begin_collective("all_reduce_sum", 4096);
    self.activity.end_collective();
    reporter.progress(step, 1'000, "training");
    self.activity.enter(wire::Phase::kStep);
  }
}

/// Enters a collective that nobody else comes to.
void wait_for_ever(Self& self) {
  self.activity.begin_collective("all_reduce_sum", 4096);
  while (true) std::this_thread::sleep_for(std::chrono::seconds(1));
}

/// A read of a disk that is gone, as the worker's files would tell of it.
void read_for_ever(Self& self, const std::string& path) {
  self.reads.begin(path, system_clock().monotonic_ms());
  while (true) std::this_thread::sleep_for(std::chrono::seconds(1));
}

}  // namespace

int main(int argc, char** argv) {
  TA_CHECK(argc >= 4, "expected: KIND --config FILE");
  std::ifstream config(argv[3]);
  const jobs::RankIdentity identity{JobId{number("TAGALIGN_JOB")},
                                    Attempt{static_cast<std::uint32_t>(number("TAGALIGN_ATTEMPT"))},
                                    static_cast<int>(number("PMIX_RANK"))};
  Self self;
  jobs::prepare_stacks();
  const auto reporter = jobs::make_agent_reporter(std::getenv("TAGALIGN_AGENT_SOCKET"), identity,
                                                  static_cast<int>(number("TAGALIGN_AGENT_PID")),
                                                  {.activity = &self.activity,
                                                   .reading = [&self] { return self.reading(); },
                                                   .show_stacks =
                                                       [&] {
                                                         if (!self.deaf)
                                                           self.write_stacks(identity.rank);
                                                       }})
                            .value();
  reporter->hello("cpu");
  int code = 0;
  for (std::string word; config >> word;) {
    if (word == "deaf") self.deaf = true;
    if (word == "run") code = until_stopped(*reporter);
    if (word == "exit") config >> code;
    if (word == "train") train(self, *reporter, 8);
    if (word == "wait" && identity.rank == 0) wait_for_ever(self);
    if (word == "meet") wait_for_ever(self);
    if (word == "loop") loop_for_ever();
    if (word == "read") read_for_ever(self, "a.jpg");
    if (word == "fail" && identity.rank == 1) code = 3;
    if (word == "checkpoint" && identity.rank == 0) {
      TA_CHECK(reporter->checkpoint({.step = 100, .path = "/c", .digest = "d"}).ok());
    }
  }
  reporter->farewell(code, code == 3 ? "the loss is not a number" : "");
  return code == 75 && std::getenv("TAGALIGN_LEAVE_CODE") != nullptr ? 0 : code;
}
