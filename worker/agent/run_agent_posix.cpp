#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cctype>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>

#include "base/checksum.h"
#include "base/exit_codes.h"
#include "base/format.h"
#include "base/log.h"
#include "coordinator/keys/state_folder.h"
#include "worker/agent/agent.h"
#include "worker/agent/run_agent.h"

namespace tagalign::agent {
namespace {

std::atomic<int> stop_signal{0};

void on_stop_signal(int signal) {
  stop_signal.store(signal, std::memory_order_relaxed);
}

void install_signals() {
  stop_signal = 0;
  struct sigaction action = {};
  action.sa_handler = on_stop_signal;
  for (const int signal : {SIGTERM, SIGINT, SIGUSR1}) ::sigaction(signal, &action, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
}

/// Holds an flock for the life of the process; the kernel releases it however the process ends.
class FolderLock {
 public:
  static Result<FolderLock> take(const Path& folder) {
    const Path path = folder / "lock";
    const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) return errno_status(errno, format("opening {}", path.string()));
    FolderLock lock(fd);
    if (::flock(fd, LOCK_EX | LOCK_NB) == 0) return lock;
    if (errno != EWOULDBLOCK) return errno_status(errno, format("locking {}", path.string()));
    return already_exists(format(
        "starting an agent in {}: another agent holds this folder; stop it, or choose another --id",
        folder.string()));
  }
  FolderLock(FolderLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FolderLock& operator=(FolderLock&&) = delete;
  ~FolderLock() {
    if (fd_ >= 0) ::close(fd_);
  }

 private:
  explicit FolderLock(int fd) : fd_(fd) {}
  int fd_;
};

Status make_private_folder(const Path& path) {
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
    return errno_status(errno, format("creating {}", path.string()));
  }
  struct stat found = {};
  if (::lstat(path.c_str(), &found) != 0)
    return errno_status(errno, format("looking at {}", path.string()));
  if (S_ISDIR(found.st_mode) && found.st_uid == ::geteuid() && (found.st_mode & 077) == 0)
    return ok_status();
  return permission_denied(format(
      "using {} for sockets: expected a folder of user {} with mode 0700, found something else; "
      "remove it, or set XDG_RUNTIME_DIR to a private folder",
      path.string(), ::geteuid()));
}

std::string folder_mark(const Path& folder) {
  std::error_code error;
  const Path canonical = std::filesystem::weakly_canonical(folder, error);
  return digest128(as_bytes((error ? folder : canonical).string())).hex().substr(0, 16);
}

/// Every state folder has keys of its own.
std::string coordinator_mark(const AgentOptions& options) {
  return digest128(as_bytes(options.connection->server_public_key)).hex().substr(0, 16);
}

std::string new_incarnation() {
  return format("{}-{}", system_clock().unix_ms(), process_start_ticks(::getpid()).value_or(0));
}

/// Within an allocation, CUDA_VISIBLE_DEVICES names the devices that are ours.
std::vector<std::string> gpu_names(int gpus) {
  std::vector<std::string> names;
  if (const char* visible = std::getenv("CUDA_VISIBLE_DEVICES")) {
    std::istringstream list(visible);
    for (std::string name; std::getline(list, name, ',');) names.push_back(name);
    if (static_cast<int>(names.size()) > gpus) names.resize(static_cast<std::size_t>(gpus));
    return names;
  }
  for (int index = 0; index < gpus; ++index) names.push_back(std::to_string(index));
  return names;
}

std::string first_line(const Path& path) {
  constexpr std::uint64_t kBytesMax = 1 << 16;
  const auto text = posix_file_system().read_file(path, kBytesMax);
  return text.ok() ? text->substr(0, text->find('\n')) : "";
}

/// By the number that CUDA_VISIBLE_DEVICES takes, where that is the driver's minor number.
std::map<std::string, std::string> cores_of_gpus() {
  const Path driver = "/proc/driver/nvidia/gpus";
  std::map<std::string, std::string> cores;
  const auto addresses = posix_file_system().list_directory(driver);
  if (!addresses.ok()) return cores;
  for (const std::string& address : *addresses) {
    std::ifstream information(driver / address / "information");
    for (std::string line; std::getline(information, line);) {
      if (!line.starts_with("Device Minor:")) continue;
      const std::string minor = line.substr(line.find_last_of(" \t") + 1);
      cores[minor] = first_line(Path("/sys/bus/pci/devices") / address / "local_cpulist");
    }
  }
  return cores;
}

/// In memory where there is such a file system: ranks share their messages there.
Result<Path> scratch_folder(const Path& agent_folder, const Path& socket) {
  const Path memory = "/dev/shm";
  if (::access(memory.c_str(), W_OK | X_OK) != 0) return socket.parent_path() / "gangs";
  const Path base = memory / format("tagalign-{}", ::geteuid());
  TA_RETURN_IF_ERROR(make_private_folder(base));
  return base / folder_mark(agent_folder);
}

/// The same on every node of a cluster, as far as it can be had.
Path common_scratch_base() {
  const bool memory = ::access("/dev/shm", W_OK | X_OK) == 0;
  return Path(memory ? "/dev/shm" : "/tmp") / format("tagalign-{}", ::geteuid()) / "gangs";
}

GangEnvironment gang_environment(const AgentOptions& options, const Path& socket,
                                 const Path& scratch) {
  return {
      .mpirun = options.mpirun,
      .worker = options.worker.empty() ? self_executable().parent_path() / "tagalign-worker"
                                       : std::filesystem::absolute(options.worker),
      .tagalign = self_executable(),
      .socket = socket,
      .agent_mark = folder_mark(options.folder),
      .agent_pid = ::getpid(),
      .coordinator = coordinator_mark(options),
      .as_root = ::geteuid() == 0,
      .scratch = scratch,
      .common_scratch = common_scratch_base(),
      .interface = options.interface,
      .gpus = std::nullopt,
      .cores_of_gpu = options.gpus > 0 ? cores_of_gpus() : std::map<std::string, std::string>{}};
}

wire::AgentHello identity(const AgentOptions& options, const Path& socket) {
  wire::AgentPlace place = options.place;
  if (place.node.empty()) place.node = host_name();
  place.socket = socket.string();
  place.since_ms = system_clock().unix_ms();
  return {.agent = AgentId{options.id},
          .incarnation = new_incarnation(),
          .host = host_name(),
          .slots = options.slots,
          .gpus = options.gpus,
          .pid = ::getpid(),
          .known_attempts = {},
          .first_unacknowledged = 0,
          .place = place};
}

bool is_legal_id(const std::string& id) {
  const auto legal = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '.' || c == '-';
  };
  return !id.empty() && std::isalnum(static_cast<unsigned char>(id[0])) != 0 &&
         std::ranges::all_of(id, legal);
}

/// Fills in what follows from the state folder.
Result<AgentOptions> completed(AgentOptions options) {
  if (!is_legal_id(options.id)) {
    return invalid_argument(
        format("starting an agent: expected an id of letters, digits, '.', '_' and '-', found '{}'",
               options.id));
  }
  if (options.slots < 1 || options.gpus < 0) {
    return invalid_argument(
        format("starting agent {}: expected at least 1 slot and 0 GPUs, found {} and {}",
               options.id, options.slots, options.gpus));
  }
  if (options.folder.empty())
    options.folder = wire::StateFolder(options.state_folder).agent(options.id);
  if (!options.connection) {
    TA_ASSIGN_OR_RETURN(options.connection, wire::load_client_credentials(options.state_folder,
                                                                          wire::PeerRole::kAgent));
  }
  return options;
}

/// Goes where the state folder says that the coordinator is: the next one may listen elsewhere.
/// What was queued for the old address is lost; the agent sends it again.
class FollowingSocket final : public wire::ClientSocket {
 public:
  FollowingSocket(Path state_folder, wire::CurveClientOptions known,
                  std::unique_ptr<wire::ClientSocket> socket)
      : state_folder_(std::move(state_folder)),
        known_(std::move(known)),
        socket_(std::move(socket)) {}

  Status send(const wire::Frame& frame) override { return socket_->send(frame); }
  Result<std::optional<wire::Frame>> receive(std::int64_t timeout_ms) override {
    follow();
    return socket_->receive(timeout_ms);
  }
  int wait_fd() const override { return socket_->wait_fd(); }
  bool ready() override { return socket_->ready(); }

 private:
  static constexpr std::int64_t kLookMs = 1'000;

  void follow() {
    const MonotonicMs now_ms = system_clock().monotonic_ms();
    if (now_ms - looked_ms_ < kLookMs) return;
    looked_ms_ = now_ms;
    auto found = wire::load_client_credentials(state_folder_, wire::PeerRole::kAgent);
    if (!found.ok() || (found->endpoint == known_.endpoint &&
                        found->server_public_key == known_.server_public_key)) {
      return;
    }
    auto socket = wire::connect_curve(*found);
    if (!socket.ok()) return log_warning("{}", socket.status().to_string());
    log_info("the coordinator is at {} now", found->endpoint);
    known_ = std::move(*found);
    socket_ = std::move(*socket);
  }

  Path state_folder_;
  wire::CurveClientOptions known_;
  std::unique_ptr<wire::ClientSocket> socket_;
  MonotonicMs looked_ms_ = 0;
};

Result<std::unique_ptr<wire::ClientSocket>> connect(const AgentOptions& given,
                                                    const AgentOptions& options) {
  TA_ASSIGN_OR_RETURN(auto socket, wire::connect_curve(*options.connection));
  if (given.connection) return socket;
  return std::unique_ptr<wire::ClientSocket>(
      new FollowingSocket(options.state_folder, *options.connection, std::move(socket)));
}

void run_until_finished(Agent& agent) {
  while (!agent.finished()) {
    agent.step();
    if (const int signal = stop_signal.load(std::memory_order_relaxed); signal != 0) {
      agent.request_shutdown(format("the agent received signal {}", signal));
    }
  }
}

}  // namespace

Result<Path> agent_socket_path(const Path& agent_folder) {
  const char* runtime = std::getenv("XDG_RUNTIME_DIR");
  const bool usable =
      runtime != nullptr && *runtime == '/' && std::string_view(runtime).size() < 60;
  const Path base =
      usable ? Path(runtime) / "tagalign" : Path(format("/tmp/tagalign-{}", ::geteuid()));
  const Path folder = base / folder_mark(agent_folder);
  TA_RETURN_IF_ERROR(make_private_folder(base));
  TA_RETURN_IF_ERROR(make_private_folder(folder));
  return folder / "ranks.sock";
}

Status serve_agent(const AgentOptions& given) {
  TA_ASSIGN_OR_RETURN(const AgentOptions options, completed(given));
  TA_RETURN_IF_ERROR(posix_file_system().create_directories(options.folder));
  TA_ASSIGN_OR_RETURN(const FolderLock lock, FolderLock::take(options.folder));
  TA_RETURN_IF_ERROR(init_log({.component = "agent"}));
  install_signals();
  TA_ASSIGN_OR_RETURN(const Path socket, agent_socket_path(options.folder));
  TA_ASSIGN_OR_RETURN(const Path scratch, scratch_folder(options.folder, socket));
  TA_ASSIGN_OR_RETURN(const auto ranks, wire::listen_ipc(socket));
  TA_ASSIGN_OR_RETURN(const auto coordinator, connect(given, options));
  const auto processes = make_process_host();
  TA_ASSIGN_OR_RETURN(const auto agent,
                      Agent::create({.identity = identity(options, socket),
                                     .gpus = gpu_names(options.gpus),
                                     .folder = options.folder,
                                     .environment = gang_environment(options, socket, scratch),
                                     .coordinator = *coordinator,
                                     .ranks = *ranks,
                                     .processes = *processes,
                                     .files = posix_file_system(),
                                     .clock = system_clock()}));
  log_info("agent {} on {} with {} slots and {} GPUs serves {}", options.id, options.place.node,
           options.slots, options.gpus, options.connection->endpoint);
  run_until_finished(*agent);
  log_info("agent {} ended", options.id);
  return ok_status();
}

int run_agent(const AgentOptions& options) {
  const Status served = serve_agent(options);
  if (served.ok()) return to_int(ExitCode::kOk);
  log_error("{}", served.to_string());
  return to_int(ExitCode::kUsage);
}

}  // namespace tagalign::agent
