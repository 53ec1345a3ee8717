#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>

#include "base/exit_codes.h"
#include "base/format.h"
#include "base/log.h"
#include "coordinator/keys/state_folder.h"
#include "coordinator/service/daemon.h"
#include "coordinator/service/pool_local_posix.h"
#include "coordinator/service/pools/backend_posix.h"
#include "coordinator/service/service.h"
#include "coordinator/store/store.h"

namespace tagalign::service {
namespace {

constexpr const char* kFirstListen = "tcp://127.0.0.1:*";
constexpr std::uint64_t kEndpointBytesMax = 1024;

std::atomic<bool> stop_requested = false;
static_assert(std::atomic<bool>::is_always_lock_free, "a signal handler sets it");

void on_signal(int) {
  stop_requested.store(true);
}

void catch_signals() {
  struct sigaction action {};
  action.sa_handler = on_signal;
  ::sigaction(SIGTERM, &action, nullptr);
  ::sigaction(SIGINT, &action, nullptr);
  action.sa_handler = SIG_IGN;
  ::sigaction(SIGPIPE, &action, nullptr);
  ::sigaction(SIGHUP, &action, nullptr);
}

/// Each connection takes a few, and a thousand are soon reached.
void raise_open_files_max() {
  constexpr rlim_t kWanted = 16'384;
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur >= kWanted) return;
  files.rlim_cur = std::min(files.rlim_max, kWanted);
  if (::setrlimit(RLIMIT_NOFILE, &files) != 0)
    log_warning("open files: {} at most", files.rlim_cur);
}

std::string endpoint_to_listen(const CoordinatorOptions& options) {
  if (options.listen) return *options.listen;
  const Path path = wire::StateFolder(options.state_folder).listen();
  auto last = posix_file_system().read_file(path, kEndpointBytesMax);
  if (!last.ok()) return kFirstListen;
  return last->substr(0, last->find_first_of(" \r\n"));
}

/// The address that was asked for with the port that was given, so that agents find
/// the next coordinator there.
std::string with_port_of(const std::string& asked, const std::string& bound) {
  return asked.substr(0, asked.rfind(':')) + bound.substr(bound.rfind(':'));
}

Result<std::unique_ptr<wire::ServerSocket>> open_socket(const CoordinatorOptions& options) {
  const wire::StateFolder state(options.state_folder);
  TA_ASSIGN_OR_RETURN(const auto keys, wire::load_server_credentials(options.state_folder));
  const std::string asked = endpoint_to_listen(options);
  TA_ASSIGN_OR_RETURN(
      auto socket,
      wire::listen_curve({.endpoint = asked, .keys = keys, .allowed_folder = state.allowed()}));
  FileSystem& files = posix_file_system();
  TA_RETURN_IF_ERROR(
      files.write_durable(state.listen(), with_port_of(asked, socket->endpoint()) + "\n"));
  TA_RETURN_IF_ERROR(files.write_durable(state.endpoint(), socket->endpoint() + "\n"));
  // Last: whoever sees this process named there finds the endpoint too.
  TA_RETURN_IF_ERROR(wire::write_pid_file(state.pid_file(), ::getpid()));
  return socket;
}

std::unique_ptr<Pool> make_pool(const CoordinatorOptions& options) {
  switch (options.pool) {
    case PoolKind::kNone:
      return std::make_unique<NoPool>();
    case PoolKind::kLocal:
      return std::make_unique<LocalPool>(
          LocalPoolOptions{.state_folder = options.state_folder,
                           .program = options.agent_program,
                           .slots = options.local_slots.value_or(default_local_slots()),
                           .gpus = count_local_gpus()},
          system_clock());
  }
  TA_CHECK(false, "every pool is made above");
}

Status serve(CoordinatorOptions options) {
  options.state_folder = std::filesystem::absolute(options.state_folder);
  TA_RETURN_IF_ERROR(wire::create_state_folder(options.state_folder));
  if (const auto warning = store::folder_warning(options.state_folder)) log_warning("{}", *warning);
  TA_ASSIGN_OR_RETURN(const auto store, store::open_store(options.state_folder));
  TA_ASSIGN_OR_RETURN(const auto socket, open_socket(options));
  log_info("listening on {}; state folder {}", socket->endpoint(), options.state_folder.string());
  const auto pool = make_pool(options);
  TA_ASSIGN_OR_RETURN(const auto keys, wire::load_server_credentials(options.state_folder));
  PosixPoolBackend pools({.state_folder = options.state_folder,
                          .program = options.agent_program,
                          .mark = pool_mark(keys.public_key)},
                         system_clock());
  Service service({.clock = system_clock(),
                   .files = posix_file_system(),
                   .socket = *socket,
                   .store = *store,
                   .pool = *pool,
                   .identity = {.version = options.version,
                                .pid = ::getpid(),
                                .state_folder = options.state_folder.string(),
                                .endpoint = socket->endpoint()},
                   .pools = &pools});
  const Status ended = service.run(stop_requested);
  const Path pid_file = wire::StateFolder(options.state_folder).pid_file();
  if (const Status removed = posix_file_system().remove_all(pid_file); !removed.ok()) {
    log_warning("{}", removed.message());
  }
  return ended;
}

bool user_can_mend(ErrorCode code) {
  return code == ErrorCode::kInvalidArgument || code == ErrorCode::kAlreadyExists ||
         code == ErrorCode::kPermissionDenied || code == ErrorCode::kNotFound;
}

}  // namespace

int run_coordinator(const CoordinatorOptions& options) {
  stop_requested.store(false);
  catch_signals();
  raise_open_files_max();
  const Status status = serve(options);
  if (status.ok()) return to_int(ExitCode::kOk);
  log_error("{}", status.to_string());
  return to_int(user_can_mend(status.code()) ? ExitCode::kUsage : ExitCode::kDoNotRequeue);
}

}  // namespace tagalign::service
