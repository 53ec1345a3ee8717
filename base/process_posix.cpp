#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <memory>
#include <sstream>

#include "base/clock.h"
#include "base/process.h"

extern char** environ;

namespace tagalign {
namespace {

/// Everything the child needs, prepared before it starts: until it execs, it may make only calls
/// that are safe in a signal handler.
struct ChildPlan {
  std::string program;
  std::vector<std::string> arguments;
  std::vector<std::string> environment;
  std::string working_directory;
  std::string stdout_file;
  std::string stderr_file;
  bool own_process_group = false;
  bool own_session = false;
  bool die_with_parent = false;
  int stdout_fd = -1;  ///< replaces stdout and stderr when not negative
  pid_t parent = 0;
};

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> result;
  for (auto& text : texts) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

std::vector<std::string> merged_environment(const ProcessOptions& options) {
  std::vector<std::string> result;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    const std::string name = text.substr(0, text.find('='));
    const bool dropped = options.drops != nullptr && options.drops(name);
    if (!dropped && !options.environment.contains(name)) result.push_back(text);
  }
  for (const auto& [name, value] : options.environment) result.push_back(name + "=" + value);
  return result;
}

/// What the child reads and, should a step fail, writes: it shares our memory until it execs.
struct ChildStart {
  const ChildPlan& plan;
  char* const* arguments;
  char* const* environment;
  int error_number = 0;
};

[[noreturn]] void child_failed(ChildStart& start) {
  start.error_number = errno;
  ::_exit(127);
}

void redirect(ChildStart& start, const std::string& file, int target) {
  const char* name = file.empty() ? "/dev/null" : file.c_str();
  const int fd = ::open(name, O_WRONLY | O_CREAT | O_APPEND, 0644);
  if (fd < 0) child_failed(start);
  ::dup2(fd, target);
  if (fd > 2) ::close(fd);
}

/// Our handlers must not run in the child: they would change our memory. Exec would reset them too,
/// but the mask is lifted before.
void reset_handlers() {
  for (int signal = 1; signal < NSIG; ++signal) {
    struct sigaction action = {};
    if (::sigaction(signal, nullptr, &action) != 0) continue;  // the C library's own signals
    if (action.sa_handler == SIG_DFL || action.sa_handler == SIG_IGN) continue;
    action = {};
    ::sigaction(signal, &action, nullptr);
  }
}

int run_child(void* argument) {
  ChildStart& start = *static_cast<ChildStart*>(argument);
  const ChildPlan& plan = start.plan;
  if (plan.own_session) ::setsid();
  if (plan.own_process_group) ::setpgid(0, 0);
  if (plan.die_with_parent) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != plan.parent) ::_exit(127);  // it died before the request was in place
  }
  reset_handlers();
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  if (!plan.working_directory.empty() && ::chdir(plan.working_directory.c_str()) != 0)
    child_failed(start);
  const int null_fd = ::open("/dev/null", O_RDONLY);
  if (null_fd >= 0) ::dup2(null_fd, 0);
  if (plan.stdout_fd >= 0) {
    ::dup2(plan.stdout_fd, 1);
    ::dup2(plan.stdout_fd, 2);
  } else {
    redirect(start, plan.stdout_file, 1);
    redirect(start, plan.stderr_file, 2);
  }
  ::syscall(SYS_close_range, 3u, ~0u, 0u);
  ::execve(plan.program.c_str(), start.arguments, start.environment);
  child_failed(start);
}

/// Starts the child in our memory, as posix_spawn does, and returns when it has become its program
/// or has failed: a copy of an agent's page tables would cost more than most children's start.
pid_t clone_child(ChildStart& start) {
  constexpr std::size_t kStackBytes = 64 * 1024;
  const auto stack = std::make_unique_for_overwrite<char[]>(kStackBytes);
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, &before);
  const pid_t pid =
      ::clone(run_child, stack.get() + kStackBytes, CLONE_VM | CLONE_VFORK | SIGCHLD, &start);
  const int error = errno;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  errno = error;
  return pid;
}

Result<pid_t> start_child(ChildPlan plan) {
  auto arguments = pointers(plan.arguments);
  auto environment = pointers(plan.environment);
  plan.parent = ::getpid();
  ChildStart start{plan, arguments.data(), environment.data()};
  const pid_t pid = clone_child(start);
  if (pid < 0) return errno_status(errno, "clone");
  if (start.error_number == 0) return pid;
  ::waitpid(pid, nullptr, 0);
  return errno_status(start.error_number, fmt::format("start {}", plan.program));
}

Result<ChildPlan> make_plan(const ProcessOptions& options) {
  TA_CHECK(!options.command.empty());
  const auto program = find_program(options.command[0]);
  if (!program)
    return not_found(fmt::format("start {}: no such program on PATH", options.command[0]));
  ChildPlan plan;
  plan.program = program->string();
  plan.arguments = options.command;
  plan.environment = merged_environment(options);
  plan.working_directory = options.working_directory ? options.working_directory->string() : "";
  plan.stdout_file = options.stdout_file ? options.stdout_file->string() : "";
  plan.stderr_file = options.stderr_file ? options.stderr_file->string() : "";
  plan.own_process_group = options.own_process_group;
  plan.own_session = options.own_session;
  plan.die_with_parent = options.die_with_parent;
  return plan;
}

/// Reads until the pipe closes; false when the deadline passes first.
bool drain(int fd, MonotonicMs deadline_ms, std::string& output) {
  char block[4096];
  while (true) {
    const auto left_ms = deadline_ms - system_clock().monotonic_ms();
    if (left_ms <= 0) return false;
    pollfd wait{fd, POLLIN, 0};
    if (::poll(&wait, 1, static_cast<int>(std::min<std::int64_t>(left_ms, 1000))) <= 0) continue;
    const ssize_t count = ::read(fd, block, sizeof block);
    if (count == 0) return true;
    if (count > 0) output.append(block, static_cast<std::size_t>(count));
  }
}

}  // namespace

Result<pid_t> start_process(const ProcessOptions& options) {
  TA_ASSIGN_OR_RETURN(ChildPlan plan, make_plan(options));
  return start_child(std::move(plan));
}

std::string ExitStatus::to_string() const {
  if (signal == 0) return fmt::format("exit code {}", code);
  const char* name = ::sigabbrev_np(signal);
  return fmt::format("killed by signal {} (SIG{})", signal, name == nullptr ? "?" : name);
}

ExitStatus decode_exit_status(int wait_status) {
  if (WIFSIGNALED(wait_status)) return {.code = 0, .signal = WTERMSIG(wait_status)};
  return {.code = WEXITSTATUS(wait_status), .signal = 0};
}

Result<CommandOutput> run_command(const std::vector<std::string>& command, std::int64_t timeout_ms,
                                  bool (*drops)(std::string_view name)) {
  TA_ASSIGN_OR_RETURN(ChildPlan plan,
                      make_plan({.command = command, .drops = drops, .own_process_group = true}));
  int output_pipe[2];
  if (::pipe2(output_pipe, O_CLOEXEC) != 0) return errno_status(errno, "pipe");
  plan.stdout_fd = output_pipe[1];
  auto started = start_child(std::move(plan));
  ::close(output_pipe[1]);
  if (!started.ok()) {
    ::close(output_pipe[0]);
    return started.status();
  }
  CommandOutput result;
  const bool finished =
      drain(output_pipe[0], system_clock().monotonic_ms() + timeout_ms, result.output);
  ::close(output_pipe[0]);
  if (!finished) ::kill(-*started, SIGKILL);
  int status = 0;
  while (::waitpid(*started, &status, 0) < 0 && errno == EINTR) {
  }
  if (!finished)
    return timed_out(
        fmt::format("{} did not end within {} ms; it was killed", command[0], timeout_ms));
  result.exit = decode_exit_status(status);
  return result;
}

std::optional<std::uint64_t> process_start_ticks(pid_t pid) {
  const auto text = posix_file_system().read_file(fmt::format("/proc/{}/stat", pid), 1u << 16);
  if (!text.ok()) return std::nullopt;
  const auto after_name = text->rfind(')');  // the name may hold spaces and parentheses
  if (after_name == std::string::npos) return std::nullopt;
  std::istringstream fields(text->substr(after_name + 1));
  std::string field;
  fields >> field;
  // Whoever should wait for it may never do so: in a container process 1 often does not.
  if (field == "Z" || field == "X") return std::nullopt;
  constexpr int kStartTimeField = 20;  // 22nd of the line, 20th after the name
  for (int i = 1; i < kStartTimeField; ++i) fields >> field;
  if (!fields) return std::nullopt;
  return std::strtoull(field.c_str(), nullptr, 10);
}

std::optional<std::int64_t> process_age_ms() {
  const auto ticks = process_start_ticks(::getpid());
  timespec since_boot{};
  if (!ticks || ::clock_gettime(CLOCK_BOOTTIME, &since_boot) != 0) return std::nullopt;
  constexpr std::int64_t kMsPerSecond = 1'000;
  constexpr std::int64_t kNsPerMs = 1'000'000;
  const std::int64_t now_ms = since_boot.tv_sec * kMsPerSecond + since_boot.tv_nsec / kNsPerMs;
  return now_ms - static_cast<std::int64_t>(*ticks) * kMsPerSecond / ::sysconf(_SC_CLK_TCK);
}

Path self_executable() {
  std::error_code error;
  const Path path = std::filesystem::read_symlink("/proc/self/exe", error);
  TA_CHECK(!error, "cannot read /proc/self/exe");
  return path;
}

std::optional<Path> find_program(const std::string& name) {
  if (name.find('/') != std::string::npos) {
    return ::access(name.c_str(), X_OK) == 0 ? std::optional<Path>(name) : std::nullopt;
  }
  const char* search = std::getenv("PATH");
  std::istringstream folders(search == nullptr ? "/usr/local/bin:/usr/bin:/bin" : search);
  for (std::string folder; std::getline(folders, folder, ':');) {
    const Path candidate = Path(folder.empty() ? "." : folder) / name;
    if (::access(candidate.c_str(), X_OK) == 0 && !std::filesystem::is_directory(candidate))
      return candidate;
  }
  return std::nullopt;
}

std::string host_name() {
  char name[256] = {};
  ::gethostname(name, sizeof name - 1);
  return name;
}

}  // namespace tagalign
