#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <string_view>
#include <system_error>

#include "base/clock.h"
#include "worker/agent/gangs/debugger_posix.h"
#include "worker/agent/gangs/process_host.h"
#include "worker/agent/gangs/process_report_posix.h"

namespace tagalign::agent {
namespace {

/// A zombie counts as gone.
bool has_ended(int pid) {
  return !process_start_ticks(pid).has_value();
}

bool environment_has(int pid, std::string_view entry_prefix) {
  std::ifstream file(Path("/proc") / std::to_string(pid) / "environ", std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  if (text.starts_with(entry_prefix)) return true;
  const std::string inside = std::string(1, '\0').append(entry_prefix);
  return text.find(inside) != std::string::npos;
}

/// Those that wait for it included; nullopt on kernels that do not tell.
std::optional<std::vector<int>> children_of_this_process() {
  std::vector<int> pids;
  std::error_code error;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task", error)) {
    std::ifstream file(task.path() / "children");
    if (!file) return std::nullopt;
    pids.insert(pids.end(), std::istream_iterator<int>(file), {});
  }
  if (error) return std::nullopt;
  return pids;
}

/// Asks the kernel for the orphans of its descendants, so that it need not look for them elsewhere.
class PosixProcessHost final : public ProcessHost {
 public:
  PosixProcessHost() { adopts_orphans_ = ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0; }
  ~PosixProcessHost() override {
    for (const auto& [pid, fd] : watched_) close_fd(fd);
  }

  Result<ProcessName> start(const ProcessOptions& options) override {
    TA_ASSIGN_OR_RETURN(const pid_t pid, start_process(options));
    started_.insert(pid);
    return ProcessName{pid, process_start_ticks(pid).value_or(0)};
  }

  std::optional<ExitStatus> reap(int pid) override {
    int status = 0;
    const pid_t reaped = ::waitpid(pid, &status, WNOHANG);
    if (reaped != pid) return std::nullopt;
    started_.erase(pid);
    return decode_exit_status(status);
  }

  void signal_process(int pid, int signal) override {
    if (pid > 1) ::kill(pid, signal);
  }

  void signal_group(const ProcessName& leader, int signal) override {
    if (leader.pid <= 1) return;
    if (process_start_ticks(leader.pid) != leader.start_ticks) return;
    ::kill(-leader.pid, signal);
  }

  std::vector<int> marked(const std::string& mark) override {
    std::vector<int> pids;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator("/proc", error)) {
      const std::string name = entry.path().filename();
      int pid = 0;
      const auto [end, failure] = std::from_chars(name.data(), name.data() + name.size(), pid);
      if (failure != std::errc() || end != name.data() + name.size() || pid == ::getpid()) continue;
      if (environment_has(pid, "TAGALIGN_GANG=" + mark)) pids.push_back(pid);
    }
    return pids;
  }

  std::vector<int> marked_descendants(const std::string& mark) override {
    return adopts_orphans_ && !any_orphan() ? std::vector<int>() : marked(mark);
  }

  std::string describe(int pid) override { return process_report(pid); }
  std::optional<Path> debugger() override { return find_debugger(); }
  bool debug(int pid, const Path& into) override { return start_debugger(pid, into); }

  void watch(int pid) override {
    if (watched_.contains(pid)) return;
    const int fd = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0u));
    const bool gone = fd < 0 && errno == ESRCH;
    if (gone) {
      ended_.push_back(pid);
    } else {
      watched_[pid] = fd;  // -1 on kernels without pidfd_open: asked through /proc
    }
  }

  void wake_on(const std::vector<int>& descriptors) override { wakers_ = descriptors; }

  std::vector<int> wait(int timeout_ms) override {
    std::vector<int> ended = std::exchange(ended_, {});
    std::vector<pollfd> polled;
    for (const auto& [pid, fd] : watched_) polled.push_back({fd, POLLIN, 0});
    for (const int fd : wakers_) polled.push_back({fd, POLLIN, 0});
    ::poll(polled.data(), polled.size(), ended.empty() ? timeout_ms : 0);
    std::size_t index = 0;
    for (auto it = watched_.begin(); it != watched_.end(); ++index) {
      const auto [pid, fd] = *it;
      if (fd >= 0 ? polled[index].revents != 0 : has_ended(pid)) {
        close_fd(fd);
        ended.push_back(pid);
        it = watched_.erase(it);
      } else {
        ++it;
      }
    }
    return ended;
  }

 private:
  /// Of a process that ended, its children are here before it can be reaped: after one that was,
  /// the list is read again.
  bool any_orphan() {
    while (true) {
      const auto children = children_of_this_process();
      if (!children) return true;
      bool reaped = false;
      bool lives = false;
      for (const int pid : *children) {
        if (started_.contains(pid)) continue;
        (::waitpid(pid, nullptr, WNOHANG) == pid ? reaped : lives) = true;
      }
      if (lives || !reaped) return lives;
    }
  }

  static void close_fd(int fd) {
    if (fd >= 0) ::close(fd);
  }

  bool adopts_orphans_ = false;
  std::set<int> started_;       ///< and not yet reaped
  std::map<int, int> watched_;  ///< pid → pidfd
  std::vector<int> ended_;
  std::vector<int> wakers_;
};

}  // namespace

std::unique_ptr<ProcessHost> make_process_host() {
  return std::make_unique<PosixProcessHost>();
}

}  // namespace tagalign::agent
