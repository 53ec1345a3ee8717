#include "worker/rank/sudden_end_posix.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
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
std::array<char, 4096> note_path{};  ///< empty: no note

/// Only what a signal handler may do.
void write_note(std::string_view kind, int number) {
  if (note_path[0] == 0 || reporter_of_process.exchange(nullptr) == nullptr) return;
  std::array<char, 64> text{};
  std::size_t length = kind.copy(text.data(), kind.size());
  std::array<char, 12> digits{};
  std::size_t count = 0;
  do digits[count++] = static_cast<char>('0' + number % 10);
  while ((number /= 10) > 0);
  while (count > 0) text[length++] = digits[--count];
  text[length++] = '\n';
  const int file = ::open(note_path.data(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file < 0) return;
  (void)!::write(file, text.data(), length);
  ::close(file);
}

/// The signal comes again when this returns, and then ends the process as it always would.
void on_crash(int signal) {
  write_note("signal ", signal);
  if (signal == SIGABRT) return;  // abort() raises it once more
  ::raise(signal);
}

void on_exit_without_farewell(int code, void*) {
  write_note("exit ", code);
}

/// A stack that ran over has no room for the handler: it gets one of its own.
void watch_crashes() {
  static std::array<std::byte, 1 << 16> stack;
  const stack_t own{.ss_sp = stack.data(), .ss_flags = 0, .ss_size = stack.size()};
  ::sigaltstack(&own, nullptr);
  struct sigaction action {};
  action.sa_handler = on_crash;
  action.sa_flags = static_cast<int>(SA_RESETHAND | SA_ONSTACK | SA_NODEFER);
  for (const int signal : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT})
    ::sigaction(signal, &action, nullptr);
  static const int registered = ::on_exit(on_exit_without_farewell, nullptr);
  (void)registered;
}

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

void report_sudden_end(Reporter& reporter, const std::string& note) {
  reporter_of_process = &reporter;
  note_path.fill(0);
  note.copy(note_path.data(), note_path.size() - 1);
  if (!note.empty()) watch_crashes();
  std::set_terminate(on_terminate);
  set_check_listener(on_failed_check);
}

void forget_sudden_end() {
  reporter_of_process = nullptr;
}

}  // namespace tagalign::jobs
