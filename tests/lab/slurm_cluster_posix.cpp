#include <arpa/inet.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <sstream>
#include <utility>

#include "base/clock.h"
#include "base/format.h"
#include "tests/lab/slurm_cluster.h"

namespace tagalign::lab {
namespace {

constexpr std::int64_t kDaemonMsMax = 30'000;
constexpr std::int64_t kPollMs = 50;
constexpr std::size_t kLogBytesMax = 16u << 20;
constexpr std::size_t kLogTail = 2'000;

bool is_free(int port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_ANY);
  const bool free = ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  ::close(fd);
  return free;
}

/// Below the ports that the kernel gives to connections, from a place that differs by process.
std::vector<int> free_ports(std::size_t count) {
  constexpr int kFirst = 12'000;
  constexpr int kRange = 20'000;
  constexpr int kStride = 37;
  std::vector<int> ports;
  for (int i = 0; i < kRange && ports.size() < count; ++i) {
    const int port = kFirst + (::getpid() * kStride + i) % kRange;
    if (is_free(port)) ports.push_back(port);
  }
  return ports;
}

std::vector<std::string> with_environment(const std::map<std::string, std::string>& environment,
                                          const std::vector<std::string>& command) {
  std::vector<std::string> line = {"env"};
  for (const auto& [name, value] : environment) line.push_back(name + "=" + value);
  line.insert(line.end(), command.begin(), command.end());
  return line;
}

/// Slurm's own processes hold their node's log open.
bool holds_open(pid_t process, const Path& file) {
  std::error_code error;
  const Path descriptors = Path("/proc") / std::to_string(process) / "fd";
  for (const auto& entry : std::filesystem::directory_iterator(descriptors, error)) {
    if (std::filesystem::read_symlink(entry.path(), error) == file) return true;
  }
  return false;
}

/// A job's processes know their node from their environment.
bool has_variable(pid_t process, const std::string& assignment) {
  const auto text =
      posix_file_system().read_file(format("/proc/{}/environ", process), kLogBytesMax);
  const std::string wanted = assignment + '\0';
  return text.ok() && (text->starts_with(wanted) || text->find('\0' + wanted) != std::string::npos);
}

std::string tail_of(const Path& file) {
  const auto text = posix_file_system().read_file(file, kLogBytesMax);
  if (!text.ok()) return "";
  return text->substr(text->size() - std::min(text->size(), kLogTail));
}

}  // namespace

Status SlurmCluster::available() {
  for (const char* program : {"slurmctld", "slurmd", "munged", "sbatch", "srun", "scontrol"}) {
    if (!find_program(program))
      return unsupported(
          format("a real Slurm: {} is not installed (Debian: slurmctld slurmd slurm-client munge)",
                 program));
  }
  return Container::available();
}

Result<std::unique_ptr<SlurmCluster>> SlurmCluster::start(const Path& folder,
                                                          const SlurmClusterOptions& options) {
  TA_ASSIGN_OR_RETURN(Container container, Container::start({.folder = folder}));
  std::unique_ptr<SlurmCluster> slurm(new SlurmCluster(folder, options, std::move(container)));
  TA_RETURN_IF_ERROR(slurm->prepare());
  TA_RETURN_IF_ERROR(slurm->start_munged());
  TA_RETURN_IF_ERROR(slurm->start_controller());
  for (int node = 1; node <= options.nodes; ++node) TA_RETURN_IF_ERROR(slurm->start_slurmd(node));
  TA_RETURN_IF_ERROR(slurm->wait_until_idle());
  return slurm;
}

SlurmCluster::SlurmCluster(Path folder, SlurmClusterOptions options, Container container)
    : folder_(std::move(folder)), options_(std::move(options)), container_(std::move(container)) {}

SlurmCluster::~SlurmCluster() {
  container_.kill();
  for (const auto& [name, started] : daemons_) (void)wait_for_exit(started, kDaemonMsMax);
}

Status SlurmCluster::prepare() {
  FileSystem& files = posix_file_system();
  const std::vector<int> ports = free_ports(static_cast<std::size_t>(options_.nodes) + 1);
  const SlurmPlaces places{.folder = folder_,
                           .host = host_name(),
                           .controller_port = ports.front(),
                           .node_ports = {ports.begin() + 1, ports.end()}};
  TA_RETURN_IF_ERROR(files.create_directories(folder_ / "state"));
  for (int node = 1; node <= options_.nodes; ++node) {
    TA_RETURN_IF_ERROR(files.create_directories(folder_ / format("tmp_n{}", node)));
    TA_RETURN_IF_ERROR(files.create_directories(folder_ / format("spool_n{}", node)));
  }
  // Null devices by another name: Slurm takes nothing else for a GPU.
  for (int gpu = 0; gpu < options_.gpus_per_node; ++gpu) {
    const Path device = folder_ / format("gpu{}", gpu);
    if (::mknod(device.c_str(), S_IFCHR | 0600, makedev(1, 3)) != 0)
      return errno_status(errno, format("making the device {}", device.string()));
  }
  TA_RETURN_IF_ERROR(files.write_durable(folder_ / "gres.conf", gres_conf(options_, folder_)));
  return files.write_durable(folder_ / "slurm.conf", slurm_conf(options_, places));
}

/// With a key and a socket of its own, so that another munged of this machine does not matter.
Status SlurmCluster::start_munged() {
  const Path munge = folder_ / "munge";
  TA_RETURN_IF_ERROR(posix_file_system().create_directories(munge));
  ::chmod(folder_.c_str(), 0755);
  ::chmod(munge.c_str(), 0755);
  const std::string secret(64, 'k');
  TA_RETURN_IF_ERROR(write_private_file(munge / "key", secret));
  const auto option = [&](const char* name, const char* file) {
    return format("--{}={}", name, (munge / file).string());
  };
  TA_RETURN_IF_ERROR(start_daemon(
      "munged",
      {"munged", "--foreground", "--force", option("key-file", "key"), option("socket", "socket"),
       option("pid-file", "pid"), option("log-file", "log"), option("seed-file", "seed")}));
  const MonotonicMs begin_ms = system_clock().monotonic_ms();
  while (!std::filesystem::exists(munge / "socket")) {
    if (system_clock().monotonic_ms() - begin_ms > kDaemonMsMax)
      return unavailable(format("starting munged in {}: expected a socket, found none: {}",
                                folder_.string(), log("munged")));
    system_clock().sleep_ms(kPollMs);
  }
  return ok_status();
}

Status SlurmCluster::start_daemon(const std::string& name,
                                  const std::vector<std::string>& command) {
  TA_ASSIGN_OR_RETURN(const pid_t started,
                      container_.start_process({.command = command,
                                                .environment = environment(),
                                                .working_directory = folder_,
                                                .stdout_file = folder_ / (name + ".out"),
                                                .stderr_file = folder_ / (name + ".out")}));
  daemons_[name] = started;
  return ok_status();
}

Status SlurmCluster::start_controller() {
  return start_daemon("slurmctld", {"slurmctld", "-D", "-f", (folder_ / "slurm.conf").string()});
}

Status SlurmCluster::start_slurmd(int node) {
  const std::string name = format("n{}", node);
  return start_daemon(name, {"slurmd", "-D", "-f", (folder_ / "slurm.conf").string(), "-N", name});
}

Status SlurmCluster::signal_daemon(const std::string& name, int signal) {
  TA_ASSIGN_OR_RETURN(const pid_t pid, pid_inside(daemons_[name]));
  ::kill(pid, signal);
  if (signal == SIGKILL) (void)wait_for_exit(daemons_[name], kDaemonMsMax);
  return ok_status();
}

Status SlurmCluster::kill_slurmd(int node) {
  return signal_daemon(format("n{}", node), SIGKILL);
}

Status SlurmCluster::kill_node(int node) {
  const std::string name = format("n{}", node);
  const Path log_file = std::filesystem::canonical(folder_) / (name + ".log");
  const std::vector<pid_t> inside = container_.processes();
  // Whoever could tell the controller of the others' end goes first.
  for (const pid_t process : inside) {
    if (holds_open(process, log_file)) ::kill(process, SIGKILL);
  }
  for (const pid_t process : inside) {
    if (has_variable(process, "SLURMD_NODENAME=" + name)) ::kill(process, SIGKILL);
  }
  (void)wait_for_exit(daemons_[name], kDaemonMsMax);
  return ok_status();
}

Status SlurmCluster::signal_controller(int signal) {
  return signal_daemon("slurmctld", signal);
}

Status SlurmCluster::wait_until_idle() {
  const MonotonicMs begin_ms = system_clock().monotonic_ms();
  const std::string wanted = format("{} idle", options_.nodes);
  std::string seen;
  while (system_clock().monotonic_ms() - begin_ms < kDaemonMsMax) {
    const auto nodes = ask({"sinfo", "--noheader", "--partition=low", "--format=%D %T"});
    seen = nodes.ok() ? *nodes : nodes.status().message();
    if (seen == wanted) return ok_status();
    system_clock().sleep_ms(kPollMs);
  }
  return unavailable(format("starting Slurm in {}: expected '{}', found '{}'\n{}\n{}",
                            folder_.string(), wanted, seen, log("slurmctld"), log("n1")));
}

std::map<std::string, std::string> SlurmCluster::environment() const {
  return {{"SLURM_CONF", (folder_ / "slurm.conf").string()},
          // Between virtual nodes Open MPI would take shared memory for that of one node.
          {"OMPI_MCA_btl", "self,tcp"},
          {"OMPI_ALLOW_RUN_AS_ROOT", "1"},
          {"OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1"}};
}

Result<CommandOutput> SlurmCluster::run(const std::vector<std::string>& command,
                                        std::int64_t timeout_ms) const {
  return run_command(with_environment(environment(), command), timeout_ms);
}

Result<std::string> SlurmCluster::ask(const std::vector<std::string>& command) const {
  TA_ASSIGN_OR_RETURN(CommandOutput answer, run(command));
  if (!answer.exit.ok())
    return unavailable(format("{}: {}: {}", command[0], answer.exit.to_string(), answer.output));
  if (answer.output.ends_with('\n')) answer.output.pop_back();
  return std::move(answer.output);
}

std::string SlurmCluster::log(const std::string& daemon) const {
  return daemon + ": " + tail_of(folder_ / (daemon + ".out")) +
         tail_of(folder_ / (daemon + ".log"));
}

std::string job_field(const SlurmCluster& slurm, const std::string& job, const std::string& field) {
  const auto text = slurm.ask({"scontrol", "--oneliner", "show", "job", job});
  if (!text.ok()) return "";
  std::istringstream words(*text);
  for (std::string word; words >> word;) {
    if (word.starts_with(field + "=")) return word.substr(field.size() + 1);
  }
  return "";
}

}  // namespace tagalign::lab
