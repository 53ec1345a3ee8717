// Stands in for tagalign-worker under a real mpirun: a rank without MPI, whose behaviour is the
// configuration file's text. Words: run (until a stop is requested), exit CODE, checkpoint,
// fail (rank 1 only).
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>

#include "base/status.h"
#include "worker/rank/reporter.h"

namespace {

using namespace tagalign;

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

}  // namespace

int main(int argc, char** argv) {
  TA_CHECK(argc >= 4, "expected: KIND --config FILE");
  std::ifstream config(argv[3]);
  const jobs::RankIdentity identity{JobId{number("TAGALIGN_JOB")},
                                    Attempt{static_cast<std::uint32_t>(number("TAGALIGN_ATTEMPT"))},
                                    static_cast<int>(number("PMIX_RANK"))};
  const auto reporter = jobs::make_agent_reporter(std::getenv("TAGALIGN_AGENT_SOCKET"), identity,
                                                  static_cast<int>(number("TAGALIGN_AGENT_PID")))
                            .value();
  reporter->hello("cpu");
  int code = 0;
  for (std::string word; config >> word;) {
    if (word == "run") code = until_stopped(*reporter);
    if (word == "exit") config >> code;
    if (word == "fail" && identity.rank == 1) code = 3;
    if (word == "checkpoint" && identity.rank == 0) {
      TA_CHECK(reporter->checkpoint({.step = 100, .path = "/c", .digest = "d"}).ok());
    }
  }
  reporter->farewell(code, code == 3 ? "the loss is not a number" : "");
  return code == 75 && std::getenv("TAGALIGN_LEAVE_CODE") != nullptr ? 0 : code;
}
