#include "worker/agent/gangs/launch_help_posix.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <sstream>

#include "base/clock.h"
#include "base/exit_codes.h"
#include "base/file_system.h"
#include "base/format.h"
#include "coordinator/wire/codec.h"
#include "coordinator/wire/transport.h"
#include "worker/agent/gangs/gang_command.h"

namespace tagalign::agent {
namespace {

constexpr std::int64_t kAgentPatienceMs = 30'000;
constexpr std::int64_t kResendMs = 2'000;
constexpr std::int64_t kLookMs = 20;
constexpr std::uint64_t kSeatBytesMax = 1 << 20;

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::string words(const std::vector<std::string>& arguments, std::size_t first) {
  std::string text;
  for (std::size_t i = first; i < arguments.size(); ++i)
    text += (text.empty() ? "" : " ") + arguments[i];
  return text;
}

bool is_acknowledged(wire::ClientSocket& socket, std::int64_t wait_ms) {
  const auto frame = socket.receive(wait_ms);
  if (!frame.ok() || !frame->has_value()) return false;
  const auto message = wire::decode_to_rank((*frame)->body);
  return message.ok() && std::holds_alternative<wire::RankAck>(*message);
}

/// The agent knows a repeated request by its bytes.
Status ask_agent(const wire::DaemonWanted& wanted) {
  TA_ASSIGN_OR_RETURN(const auto socket, wire::connect_ipc(environment("TAGALIGN_AGENT_SOCKET")));
  const wire::Frame frame = wire::make_frame(wire::FromRank{wanted});
  const MonotonicMs until_ms = system_clock().monotonic_ms() + kAgentPatienceMs;
  while (system_clock().monotonic_ms() < until_ms) {
    (void)socket->send(frame);
    const MonotonicMs again_ms = system_clock().monotonic_ms() + kResendMs;
    while (system_clock().monotonic_ms() < again_ms) {
      if (is_acknowledged(*socket, kLookMs)) return ok_status();
    }
  }
  return timed_out(
      format("asking for a daemon on {}: the agent of this node has not taken it in {}",
             wanted.agent.value, format_duration(kAgentPatienceMs)));
}

Result<std::string> read_seat(const Path& path) {
  const MonotonicMs until_ms = system_clock().monotonic_ms() + kAgentPatienceMs;
  while (system_clock().monotonic_ms() < until_ms) {
    if (posix_file_system().exists(path)) return posix_file_system().read_file(path, kSeatBytesMax);
    system_clock().sleep_ms(kLookMs);
  }
  return not_found(
      format("taking a rank's seat: the agent of this node has not written {} in {}; "
             "does an agent run here?",
             path.string(), format_duration(kAgentPatienceMs)));
}

void take_variables(const std::string& text) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const std::size_t equals = line.find('=');
    if (equals == std::string::npos) continue;
    ::setenv(line.substr(0, equals).c_str(), line.substr(equals + 1).c_str(), 1);
  }
}

}  // namespace

int start_daemon(const std::vector<std::string>& arguments) {
  const wire::DaemonWanted wanted{
      .job = JobId{std::strtoull(environment("TAGALIGN_JOB").c_str(), nullptr, 10)},
      .attempt = Attempt{static_cast<std::uint32_t>(
          std::strtoul(environment("TAGALIGN_ATTEMPT").c_str(), nullptr, 10))},
      .agent = AgentId{arguments.empty() ? "" : arguments[0]},
      .command = words(arguments, 1)};
  const Status asked = wanted.command.empty() || wanted.job.value == 0
                           ? invalid_argument("start-daemon is run by mpirun, for a job's agent")
                           : ask_agent(wanted);
  if (asked.ok()) return to_int(ExitCode::kOk);
  std::fprintf(stderr, "%s\n", asked.message().c_str());
  return to_int(ExitCode::kJobFailed);
}

int take_seat(const std::vector<std::string>& arguments) {
  const Path seat = seat_file(environment("TAGALIGN_SEATS"), environment("SLURMD_NODENAME"));
  const auto text = read_seat(seat);
  std::string failure = text.status().message();
  if (text.ok() && !arguments.empty()) {
    take_variables(*text);
    std::vector<char*> pointers;
    for (const std::string& word : arguments) pointers.push_back(const_cast<char*>(word.data()));
    pointers.push_back(nullptr);
    ::execvp(pointers[0], pointers.data());
    failure = errno_status(errno, "start " + arguments[0]).message();
  }
  std::fprintf(stderr, "%s\n", failure.c_str());
  return to_int(ExitCode::kDoNotRequeue);
}

}  // namespace tagalign::agent
