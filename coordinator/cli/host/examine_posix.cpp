#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>

#include "base/clock.h"
#include "base/counted.h"
#include "base/format.h"
#include "base/job_environment.h"
#include "base/process.h"
#include "coordinator/cli/host/doctor.h"
#include "coordinator/keys/state_folder.h"

namespace tagalign::cli {
namespace {

constexpr int kProbeRanks = 2;
constexpr std::int64_t kProbeMsMax = 60'000;
constexpr std::int64_t kSlowSyncMs = 200;
constexpr std::uint64_t kMiB = 1u << 20;
constexpr std::uint64_t kFreeBytesError = 256 * kMiB;
constexpr std::uint64_t kFreeBytesWarning = 4096 * kMiB;

std::vector<Check> examine_mpi(const Path& worker) {
  const auto mpirun = find_program("mpirun");
  if (!mpirun) {
    return {{"mpi", Health::kError, "there is no mpirun on PATH",
             "install Open MPI: apt-get install openmpi-bin"}};
  }
  if (!posix_file_system().exists(worker)) {
    return {{"mpi", Health::kError, format("there is no {}", worker.string()),
             "build it: ./dev build"}};
  }
  std::vector<std::string> command = {mpirun->string(), "-n",   format("{}", kProbeRanks),
                                      "--bind-to",      "none", "--oversubscribe"};
  if (::geteuid() == 0) command.push_back("--allow-run-as-root");
  command.insert(command.end(), {worker.string(), "probe"});
  const auto output = run_command(command, kProbeMsMax, is_of_mpi_job);
  if (!output.ok()) {
    return {{"mpi", Health::kError, output.status().message(),
             format("run it by hand: {}", fmt::join(command, " "))}};
  }
  if (!output->exit.ok()) {
    return {{"mpi", Health::kError, format("mpirun ended with {}", output->exit.to_string()),
             format("run it by hand and read its message: {}", fmt::join(command, " "))}};
  }
  return judge_probe(output->output, kProbeRanks);
}

/// The folder itself, or the nearest one above it that exists.
Path nearest_folder(Path folder) {
  while (!posix_file_system().exists(folder) && folder.has_parent_path() &&
         folder != folder.root_path()) {
    folder = folder.parent_path();
  }
  return folder;
}

Check examine_sync(const Path& folder) {
  const Path file = folder / format(".tagalign-doctor-{}", ::getpid());
  const MonotonicMs start = system_clock().monotonic_ms();
  const Status status = posix_file_system().write_durable(file, "doctor\n");
  const std::int64_t took_ms = system_clock().monotonic_ms() - start;
  const Status removed = posix_file_system().remove_all(file);
  if (!status.ok() || !removed.ok()) {
    return {"disk", Health::kError, (status.ok() ? removed : status).message(),
            "choose another folder with --state"};
  }
  if (took_ms > kSlowSyncMs) {
    return {"disk", Health::kWarning,
            format("a durable write of a few bytes took {}", format_duration(took_ms)),
            "put the state folder on a local disk: --state DIR"};
  }
  return {"disk", Health::kOk, format("durable write in {}", format_duration(took_ms)), ""};
}

Check examine_space(const Path& folder) {
  const auto free = posix_file_system().free_bytes(folder);
  if (!free.ok())
    return {"space", Health::kError, free.status().message(), "choose another folder with --state"};
  const std::string found = format("{} MiB free at {}", *free / kMiB, folder.string());
  if (*free < kFreeBytesError)
    return {"space", Health::kError, found, "make room, or choose another --state"};
  if (*free < kFreeBytesWarning)
    return {"space", Health::kWarning, found, "checkpoints may fill this disk"};
  return {"space", Health::kOk, found, ""};
}

Check examine_folder(const Path& state) {
  struct stat info = {};
  if (::stat(state.c_str(), &info) != 0) {
    return {"state", Health::kOk, format("{} will be made", state.string()), ""};
  }
  if (!S_ISDIR(info.st_mode)) {
    return {"state", Health::kError, format("{} is no folder", state.string()),
            "choose another --state"};
  }
  if ((info.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    return {"state", Health::kWarning, format("{} is open to others", state.string()),
            format("chmod 700 {}", state.string())};
  }
  return {"state", Health::kOk, state.string(), ""};
}

Check examine_keys(const wire::StateFolder& state) {
  const auto names = posix_file_system().list_directory(state.keys());
  if (!names.ok()) return {"keys", Health::kOk, "will be made when a coordinator starts", ""};
  int count = 0;
  for (const std::string& name : *names) {
    if (!name.ends_with(".secret")) continue;
    ++count;
    if (const Status status = check_private_file(state.keys() / name); !status.ok()) {
      return {"keys", Health::kError, status.message(),
              format("chmod 600 {}", (state.keys() / name).string())};
    }
  }
  return {"keys", Health::kOk, counted(count, "secret key") + ", each private", ""};
}

/// Binds `port` on the loopback address for a moment; 0: any.
int try_bind(std::uint16_t port) {
  const int socket_fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (socket_fd < 0) return errno;
  const int on = 1;
  ::setsockopt(socket_fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int failed = ::bind(socket_fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  const int error = failed != 0 ? errno : 0;
  ::close(socket_fd);
  return error;
}

std::uint16_t port_of(const std::string& endpoint) {
  std::uint16_t port = 0;
  const std::size_t colon = endpoint.rfind(':');
  if (colon != std::string::npos) {
    std::from_chars(endpoint.data() + colon + 1, endpoint.data() + endpoint.size(), port);
  }
  return port;
}

Check examine_port(const wire::StateFolder& state) {
  constexpr std::uint64_t kEndpointBytesMax = 4096;
  if (wire::read_live_process(state.pid_file())) {
    const auto endpoint = posix_file_system().read_file(state.endpoint(), kEndpointBytesMax);
    return {"port", Health::kOk,
            "a coordinator runs at " +
                (endpoint.ok() ? endpoint->substr(0, endpoint->find('\n')) : "an unknown endpoint"),
            ""};
  }
  const auto listen = posix_file_system().read_file(state.listen(), kEndpointBytesMax);
  const std::uint16_t port = listen.ok() ? port_of(*listen) : std::uint16_t{0};
  if (const int error = try_bind(port); error != 0) {
    return {"port", Health::kError, format("port {}: {}", port, std::strerror(error)),
            "end what uses it, or start with another: tagalign coordinator start --listen "
            "tcp://127.0.0.1:PORT"};
  }
  return {"port", Health::kOk,
          port == 0 ? "local ports can be bound" : format("port {} is free", port), ""};
}

}  // namespace

std::vector<Check> examine_machine(const Path& state, const Path& worker) {
  const wire::StateFolder folder(state);
  const Path existing = nearest_folder(state);
  std::vector<Check> checks = examine_mpi(worker);
  checks.push_back(examine_folder(state));
  checks.push_back(examine_sync(existing));
  checks.push_back(examine_space(existing));
  checks.push_back(examine_keys(folder));
  checks.push_back(examine_port(folder));
  return checks;
}

}  // namespace tagalign::cli
