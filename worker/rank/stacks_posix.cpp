#include "worker/rank/stacks_posix.h"

#include <cxxabi.h>
#include <dlfcn.h>
#include <execinfo.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string_view>
#include <system_error>
#include <vector>

#include "base/clock.h"
#include "base/file_system.h"
#include "base/format.h"

namespace tagalign::jobs {
namespace {

constexpr std::int64_t kAnswerMsMax = 100;  ///< of one thread
constexpr std::int64_t kAllMsMax = 500;
constexpr int kFramesMax = 64;
/// The handler itself, and the kernel's way into it.
constexpr int kFramesOfHandler = 2;

/// Filled by the handler of the thread that `wanted` names.
struct Answer {
  std::atomic<pid_t> wanted = 0;
  std::atomic<int> frames = -1;  ///< -1: not yet
  std::array<void*, kFramesMax> addresses{};
};
Answer answer;

/// No library that is loaded here uses the last but two of the real-time signals.
int stack_signal() {
  return SIGRTMAX - 2;
}

pid_t this_thread() {
  return static_cast<pid_t>(::syscall(SYS_gettid));
}

/// Only what a signal handler may do. One that comes too late finds another thread wanted.
void note_stack(int) {
  const int error = errno;
  if (answer.wanted.load() == this_thread()) {
    const int frames = ::backtrace(answer.addresses.data(), kFramesMax);
    answer.frames.store(frames);
  }
  errno = error;
}

std::string first_line(const Path& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

std::string name_of(void* address) {
  Dl_info info{};
  if (::dladdr(address, &info) == 0 || info.dli_fname == nullptr) return format("{}", address);
  const std::string file = Path(info.dli_fname).filename();
  if (info.dli_sname == nullptr) {
    const auto offset = static_cast<char*>(address) - static_cast<char*>(info.dli_fbase);
    return format("{}+{:#x}", file, offset);
  }
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> plain(
      abi::__cxa_demangle(info.dli_sname, nullptr, nullptr, &status), &std::free);
  return format("{} ({})", status == 0 ? plain.get() : info.dli_sname, file);
}

std::string frames_text(int frames) {
  std::string text;
  for (int i = kFramesOfHandler; i < frames; ++i)
    text += format("    {}\n", name_of(answer.addresses[static_cast<std::size_t>(i)]));
  return text;
}

std::string kernel_text(const Path& task) {
  const std::string stat = first_line(task / "stat");
  const std::size_t name_end = stat.rfind(')');
  const bool told = name_end != std::string::npos && name_end + 2 < stat.size();
  const std::string call = first_line(task / "syscall");
  return format("    did not answer: state {}, in the kernel's {}{}\n",
                told ? stat.substr(name_end + 2, 1) : "unknown", first_line(task / "wchan"),
                call.empty() ? "" : ", system call " + call);
}

std::string stack_of(pid_t thread, std::int64_t patience_ms) {
  const Path task = Path("/proc/self/task") / std::to_string(thread);
  std::string text = format("  thread {} ({})\n", thread, first_line(task / "comm"));
  answer.frames = -1;
  answer.wanted = thread;
  const bool sent = ::syscall(SYS_tgkill, ::getpid(), thread, stack_signal()) == 0;
  const MonotonicMs begun_ms = system_clock().monotonic_ms();
  while (sent && answer.frames < 0 && system_clock().monotonic_ms() - begun_ms < patience_ms)
    system_clock().sleep_ms(1);
  answer.wanted = 0;
  const int frames = answer.frames;
  return text + (frames < 0 ? kernel_text(task) : frames_text(frames));
}

std::vector<pid_t> other_threads() {
  std::vector<pid_t> threads;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/task", error)) {
    const std::string name = entry.path().filename();
    pid_t thread = 0;
    std::from_chars(name.data(), name.data() + name.size(), thread);
    if (thread > 0 && thread != this_thread()) threads.push_back(thread);
  }
  std::ranges::sort(threads);
  return threads;
}

}  // namespace

void prepare_stacks() {
  std::array<void*, 4> some{};
  ::backtrace(some.data(), some.size());
  struct sigaction action {};
  action.sa_handler = note_stack;
  action.sa_flags = SA_RESTART | SA_ONSTACK;
  ::sigaction(stack_signal(), &action, nullptr);
}

std::string stacks_of_other_threads() {
  const MonotonicMs until_ms = system_clock().monotonic_ms() + kAllMsMax;
  std::string text;
  for (const pid_t thread : other_threads()) {
    const std::int64_t left_ms = until_ms - system_clock().monotonic_ms();
    text += stack_of(thread, std::clamp<std::int64_t>(left_ms, 1, kAnswerMsMax));
  }
  return text;
}

}  // namespace tagalign::jobs
