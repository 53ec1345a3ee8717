#include "worker/rank/sudden_end_posix.h"

#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>

#include "base/exit_codes.h"
#include "base/format.h"
#include "base/log.h"

namespace tagalign::jobs {
namespace {

constexpr unsigned kSpeakSecondsMax = 10;

std::atomic<Reporter*> reporter_of_process{nullptr};

/// The thread may hold what the reporter needs: then the alarm ends the wait.
void say_and_leave(const std::string& reason) {
  Reporter* reporter = reporter_of_process.exchange(nullptr);
  if (reporter == nullptr) return;
  std::signal(SIGALRM, [](int) { ::_exit(to_int(ExitCode::kJobFailed)); });
  ::alarm(kSpeakSecondsMax);
  log_error("{}", reason);
  reporter->farewell(to_int(ExitCode::kJobFailed), reason);
  std::fflush(nullptr);
  ::_exit(to_int(ExitCode::kJobFailed));
}

[[noreturn]] void on_terminate() {
  std::string what = "no exception";
  try {
    if (const auto thrown = std::current_exception()) std::rethrow_exception(thrown);
  } catch (const std::exception& error) {
    what = error.what();
  } catch (...) {
    what = "an exception of an unknown type";
  }
  say_and_leave(
      format("the program ended itself, which is a defect in it: nothing caught {}", what));
  std::abort();
}

void on_failed_check(std::string_view text) {
  say_and_leave(format("the program ended itself, which is a defect in it: {}", text));
}

}  // namespace

void report_sudden_end(Reporter& reporter) {
  reporter_of_process = &reporter;
  std::set_terminate(on_terminate);
  set_check_listener(on_failed_check);
}

void forget_sudden_end() {
  reporter_of_process = nullptr;
}

}  // namespace tagalign::jobs
