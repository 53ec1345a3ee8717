/// The program `tagalign`: puts the machine behind the command line.
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <iostream>
#include <map>
#include <random>
#include <thread>

#include "base/exit_codes.h"
#include "base/format.h"
#include "base/utf8.h"
#include "base/version.h"
#include "coordinator/cli/cli.h"
#include "coordinator/cli/past.h"
#include "coordinator/keys/state_folder.h"
#include "coordinator/service/daemon.h"
#include "slurm/commands.h"
#include "worker/agent/gangs/gang_command.h"
#include "worker/agent/gangs/launch_help_posix.h"
#include "worker/agent/run_agent.h"
#include "worker/exec/exec_rank.h"

namespace tagalign {
namespace {

Path worker_program() {
  return self_executable().parent_path() / "tagalign-worker";
}

std::optional<std::string> environment(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  if (value == nullptr) return std::nullopt;
  return std::string(value);
}

/// 128 random bits in hex.
std::string random_token() {
  std::random_device device;
  std::string token;
  for (int i = 0; i < 4; ++i) token += format("{:08x}", device());
  return token;
}

std::vector<std::string> gang_command(const wire::Launch& launch) {
  agent::GangEnvironment environment;
  environment.worker = worker_program();
  environment.tagalign = self_executable();
  environment.as_root = ::geteuid() == 0;
  return agent::gang_command(launch, environment);
}

/// The words that `--pool` takes.
const std::map<std::string, service::PoolKind> kPools = {{"local", service::PoolKind::kLocal},
                                                         {"none", service::PoolKind::kNone}};

int refuse(const Status& status) {
  std::cerr << "agent: " << printable_lines(status.message()) << "\n";
  return to_int(ExitCode::kUsage);
}

int run_coordinator(const cli::CoordinatorArguments& arguments) {
  service::CoordinatorOptions options;
  options.state_folder = arguments.state;
  options.listen = arguments.listen;
  options.pool = kPools.at(arguments.pool);
  options.local_slots = arguments.slots;
  options.agent_program = self_executable();
  options.version = kVersion;
  return service::run_coordinator(options);
}

std::map<std::string, std::string> slurm_environment() {
  std::map<std::string, std::string> variables;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    if (!text.starts_with("SLURM")) continue;
    const auto equals = text.find('=');
    variables[std::string(text.substr(0, equals))] = text.substr(equals + 1);
  }
  return variables;
}

/// Once a life: Slurm is asked only where it has not told the job.
std::int64_t end_time_s(const slurm::Allocation& allocation) {
  constexpr std::int64_t kSlurmMsMax = 5'000;
  if (allocation.ends_s != 0) return allocation.ends_s;
  const auto said = run_command(slurm::end_time_command(allocation.job), kSlurmMsMax);
  return said.ok() && said->exit.ok() ? slurm::parse_end_time(said->output) : 0;
}

/// What Slurm says of the node goes where nothing was asked for.
void fill_in(agent::AgentOptions& options, const slurm::Allocation& allocation) {
  options.place.allocation = format("{}", allocation.job);
  options.place.node = allocation.node.empty() ? host_name() : allocation.node;
  options.place.ends_ms = end_time_s(allocation) * 1000;
  const std::string restart = allocation.restarts > 0 ? format(".{}", allocation.restarts) : "";
  if (options.id.empty())
    options.id = format("{}-{}{}", options.place.node, allocation.job, restart);
}

int run_agent(const cli::AgentArguments& arguments) {
  const auto allocation = slurm::read_allocation(slurm_environment());
  if (!allocation.ok()) return refuse(allocation.status());
  const auto& inside = *allocation;
  agent::AgentOptions options;
  options.id = arguments.id;
  options.state_folder = arguments.state;
  options.gpus = arguments.gpus.value_or(inside ? inside->gpus_on_node : 0);
  const int cores = inside ? inside->cpus_on_node
                           : static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  options.slots = arguments.slots.value_or(options.gpus > 0 ? options.gpus : cores);
  options.place.pool = arguments.pool;
  options.place.node = host_name();
  options.place.launcher =
      arguments.launcher == "srun" ? wire::GangLauncher::kSrun : wire::GangLauncher::kMpirun;
  options.interface = arguments.interface;
  if (inside) fill_in(options, *inside);
  if (options.id.empty()) options.id = host_name();
  options.worker = arguments.worker;
  options.mpirun = arguments.mpirun;
  if (!arguments.key.empty()) {
    auto connection = wire::load_key_file(arguments.key, arguments.connect, wire::PeerRole::kAgent);
    if (!connection.ok()) return refuse(connection.status());
    options.connection = std::move(*connection);
  }
  return agent::run_agent(options);
}

Result<pid_t> start_detached(const std::vector<std::string>& arguments, const Path& log) {
  ProcessOptions options;
  options.command = {self_executable().string()};
  options.command.insert(options.command.end(), arguments.begin(), arguments.end());
  options.stdout_file = log;
  options.stderr_file = log;
  options.own_session = true;
  return start_process(options);
}

std::optional<ExitStatus> exit_of(pid_t pid) {
  int wait_status = 0;
  if (::waitpid(pid, &wait_status, WNOHANG) != pid) return std::nullopt;
  return decode_exit_status(wait_status);
}

Status append(const Path& file, const std::string& text) {
  const int fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (fd < 0) return errno_status(errno, "open " + file.string());
  const ssize_t written = ::write(fd, text.data(), text.size());
  const int error = written < 0 ? errno : ENOSPC;
  ::close(fd);
  if (written == static_cast<ssize_t>(text.size())) return ok_status();
  return errno_status(error, "write to " + file.string());
}

/// Returns only when there is no such program.
Result<int> run_worker(const std::vector<std::string>& arguments) {
  std::vector<std::string> words{worker_program().string()};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  ::execv(pointers[0], pointers.data());
  return errno_status(errno, "start " + words[0]).with_context("build it with ./dev build");
}

Result<CommandOutput> ask_worker(const std::vector<std::string>& arguments) {
  constexpr std::int64_t kWorkerMsMax = 600'000;
  std::vector<std::string> command = {worker_program().string()};
  command.insert(command.end(), arguments.begin(), arguments.end());
  return run_command(command, kWorkerMsMax);
}

int run(int count, char** values) {
  cli::Host host{
      .out = std::cout,
      .err = std::cerr,
      .is_terminal = ::isatty(STDERR_FILENO) == 1,
      .has_colours = ::isatty(STDOUT_FILENO) == 1 && !environment("NO_COLOR"),
      .clock = system_clock(),
      .files = posix_file_system(),
      .environment = environment,
      .connect = cli::connect_zmq,
      .random_token = random_token,
      .append = append,
      .gang_command = gang_command,
      .run_coordinator = run_coordinator,
      .run_agent = run_agent,
      .start_detached = start_detached,
      .exit_of = exit_of,
      .create_state_folder = wire::create_state_folder,
      .add_key = wire::add_key,
      .list_keys = wire::list_keys,
      .revoke_key = wire::revoke_key,
      .ask_worker = ask_worker,
      .examine = [](const Path& state) { return cli::examine_machine(state, worker_program()); },
      .examine_slurm = cli::examine_slurm,
      .run_worker = run_worker,
      .past = cli::past_of_this_machine()};
  return cli::run_cli({values + 1, values + count}, host);
}

}  // namespace
}  // namespace tagalign

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  const std::string first = words.empty() ? "" : words[0];
  // By launchers, with words that are no options of ours.
  if (first == tagalign::agent::kStartDaemon)
    return tagalign::agent::start_daemon({words.begin() + 1, words.end()});
  if (first == tagalign::agent::kTakeSeat)
    return tagalign::agent::take_seat({words.begin() + 1, words.end()});
  if (first == tagalign::exec::kExecRank)
    return tagalign::exec::run_exec_rank({words.begin() + 1, words.end()});
  return tagalign::run(argc, argv);
}
