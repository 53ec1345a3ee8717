#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <sstream>
#include <utility>

#include "base/clock.h"
#include "base/format.h"
#include "tests/lab/container.h"

namespace tagalign::lab {
namespace {

constexpr std::int64_t kStartMsMax = 10'000;
constexpr std::int64_t kPollMs = 5;
constexpr std::size_t kProcFileBytesMax = 1 << 16;

/// The first process adopts orphans, as a machine's does: the shell's `wait` takes their exit
/// codes, so that no zombie stays.
constexpr char kFirstProcess[] = R"(
set -e
if [ -n "$2" ]; then
  hostname "$2"
  ip link set lo up
fi
[ ! -e "$1/hosts" ] || mount --bind "$1/hosts" /etc/hosts
: > "$1/ready"
sleep infinity &
wait
)";

std::vector<std::string> unshare_command(const ContainerOptions& options) {
  std::vector<std::string> command = {"unshare", "--fork", "--kill-child", "--pid", "--mount-proc"};
  if (options.own_network) command.insert(command.end(), {"--net", "--uts"});
  command.insert(command.end(), {"sh", "-c", kFirstProcess, "first-process",
                                 options.folder.string(), options.host_name});
  return command;
}

/// The only child of a process that forks once.
Result<pid_t> only_child(pid_t parent) {
  const std::string path = format("/proc/{0}/task/{0}/children", parent);
  TA_ASSIGN_OR_RETURN(const std::string text,
                      posix_file_system().read_file(path, kProcFileBytesMax));
  pid_t child = 0;
  if (!(std::istringstream(text) >> child))
    return not_found(format("process {}: expected a child, found none", parent));
  return child;
}

Status wait_until_ready(pid_t supervisor, const Path& folder) {
  const MonotonicMs begin_ms = system_clock().monotonic_ms();
  while (!std::filesystem::exists(folder / "ready")) {
    const bool late = system_clock().monotonic_ms() - begin_ms > kStartMsMax;
    if (!late && !wait_for_exit(supervisor, 0)) {
      system_clock().sleep_ms(kPollMs);
      continue;
    }
    const auto said = posix_file_system().read_file(folder / "container.err", kProcFileBytesMax);
    return unavailable(format("starting a container in {}: its first process {}: {}",
                              folder.string(), late ? "is not ready in time" : "ended",
                              said.ok() ? *said : ""));
  }
  return ok_status();
}

}  // namespace

std::optional<ExitStatus> wait_for_exit(pid_t child, std::int64_t patience_ms) {
  const MonotonicMs begin_ms = system_clock().monotonic_ms();
  while (true) {
    int status = 0;
    const pid_t ended = ::waitpid(child, &status, WNOHANG);
    if (ended == child) return decode_exit_status(status);
    if (ended < 0 && errno != EINTR) return ExitStatus{};  // somebody has reaped it
    if (system_clock().monotonic_ms() - begin_ms >= patience_ms) return std::nullopt;
    system_clock().sleep_ms(kPollMs);
  }
}

Status Container::available() {
  if (::geteuid() != 0) return unsupported("namespaces: needs root");
  for (const char* program : {"unshare", "nsenter", "mount", "hostname"}) {
    if (!find_program(program))
      return unsupported(format("namespaces: the program {} is not installed", program));
  }
  const auto tried =
      run_command({"unshare", "--fork", "--pid", "--mount-proc", "--net", "--uts", "true"}, 10'000);
  if (tried.ok() && tried->exit.ok()) return ok_status();
  return unsupported(format("namespaces: this machine does not let us make them: {}",
                            tried.ok() ? tried->output : tried.status().message()));
}

Result<Container> Container::start(const ContainerOptions& options) {
  FileSystem& files = posix_file_system();
  if (!options.hosts_file.empty())
    TA_RETURN_IF_ERROR(files.write_durable(options.folder / "hosts", options.hosts_file));
  TA_ASSIGN_OR_RETURN(const pid_t supervisor,
                      tagalign::start_process({.command = unshare_command(options),
                                               .stderr_file = options.folder / "container.err",
                                               .die_with_parent = true}));
  Container container(supervisor, 0, options.own_network);
  TA_RETURN_IF_ERROR(wait_until_ready(supervisor, options.folder));
  TA_ASSIGN_OR_RETURN(container.first_, only_child(supervisor));
  return container;
}

Container::Container(Container&& other) noexcept
    : supervisor_(std::exchange(other.supervisor_, 0)),
      first_(std::exchange(other.first_, 0)),
      own_network_(other.own_network_) {}

Container& Container::operator=(Container&& other) noexcept {
  std::swap(supervisor_, other.supervisor_);
  std::swap(first_, other.first_);
  std::swap(own_network_, other.own_network_);
  return *this;
}

Container::~Container() {
  kill();
}

std::vector<std::string> Container::entrance() const {
  std::vector<std::string> command = {"nsenter", "--target", std::to_string(first_), "--pid",
                                      "--mount"};
  if (own_network_) command.insert(command.end(), {"--net", "--uts"});
  command.push_back("--");
  return command;
}

Result<pid_t> Container::start_process(const ProcessOptions& options) const {
  if (first_ == 0)
    return unavailable(format("starting {} in a container: it was killed before",
                              options.command.empty() ? "" : options.command[0]));
  ProcessOptions outer = options;
  outer.command = entrance();
  outer.command.push_back("env");
  // Entering a mount namespace leads to its root folder.
  const Path folder = options.working_directory.value_or(std::filesystem::current_path());
  outer.command.push_back("--chdir=" + folder.string());
  outer.command.insert(outer.command.end(), options.command.begin(), options.command.end());
  outer.working_directory.reset();
  outer.die_with_parent = true;
  return tagalign::start_process(outer);
}

Result<CommandOutput> Container::run(const std::vector<std::string>& command,
                                     std::int64_t timeout_ms) const {
  if (first_ == 0)
    return unavailable(format("running {} in a container: it was killed before", command[0]));
  std::vector<std::string> line = entrance();
  line.insert(line.end(),
              {"timeout", "--signal=KILL", format("{:.3f}", double(timeout_ms) / 1000)});
  line.insert(line.end(), command.begin(), command.end());
  constexpr std::int64_t kMarginMs = 1'000;
  return run_command(line, timeout_ms + kMarginMs);
}

std::vector<pid_t> Container::processes() const {
  const auto namespace_of = [](const std::string& process) {
    std::error_code error;
    return std::filesystem::read_symlink(Path("/proc") / process / "ns" / "pid", error);
  };
  const Path ours = namespace_of(std::to_string(first_));
  std::vector<pid_t> inside;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const std::string name = entry.path().filename().string();
    const bool is_process = name.find_first_not_of("0123456789") == std::string::npos;
    if (is_process && namespace_of(name) == ours) inside.push_back(std::stoi(name));
  }
  return inside;
}

void Container::kill() {
  if (supervisor_ == 0) return;
  ::kill(first_ > 0 ? first_ : supervisor_, SIGKILL);
  int status = 0;
  while (::waitpid(supervisor_, &status, 0) < 0 && errno == EINTR) {
  }
  supervisor_ = first_ = 0;
}

Result<pid_t> pid_inside(pid_t started) {
  return only_child(started);
}

}  // namespace tagalign::lab
