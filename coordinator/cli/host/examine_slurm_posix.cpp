#include <unistd.h>

#include <filesystem>

#include "base/clock.h"
#include "base/format.h"
#include "base/process.h"
#include "coordinator/cli/host/doctor_slurm.h"
#include "coordinator/keys/state_folder.h"

namespace tagalign::cli {
namespace {

constexpr std::int64_t kAskMsMax = 10'000;
constexpr std::int64_t kStepMsMax = 90'000;

/// What it printed, or why it could not.
std::string say(const std::vector<std::string>& command, std::int64_t timeout_ms) {
  const auto output = run_command(command, timeout_ms);
  return output.ok() ? output->output : output.status().message();
}

double now_s() {
  return static_cast<double>(system_clock().unix_ms()) / 1000.0;
}

std::string endpoint_of(const wire::StateFolder& state) {
  constexpr std::uint64_t kEndpointBytesMax = 4096;
  if (!wire::read_live_process(state.pid_file())) return "";
  const auto text = posix_file_system().read_file(state.endpoint(), kEndpointBytesMax);
  return text.ok() ? text->substr(0, text->find('\n')) : "";
}

std::vector<std::string> step_command(const std::string& partition, const std::string& script) {
  std::vector<std::string> command = {"srun",       "--quiet",  "--nodes=1",
                                      "--ntasks=1", "--time=2", "--immediate=60"};
  if (!partition.empty()) command.push_back("--partition=" + partition);
  command.insert(command.end(), {"bash", "-c", script});
  return command;
}

std::vector<Check> examine_node(const Path& state, const std::string& partition) {
  const Path file = state / format("doctor-{}", ::getpid());
  NodeQuestion question{.token = format("{}-{}", ::getpid(), system_clock().unix_ms()),
                        .endpoint = endpoint_of(wire::StateFolder(state))};
  FileSystem& files = posix_file_system();
  Status written = files.create_directories(state);
  if (written.ok()) written = files.write_durable(file, question.token + "\n");
  if (!written.ok()) {
    return {{"shared folder", Health::kError, written.message(), "choose another --state"}};
  }
  question.before_s = now_s();
  const std::string output =
      say(step_command(partition, node_script(file, question.endpoint)), kStepMsMax);
  question.after_s = now_s();
  (void)files.remove_all(file);
  return judge_node(output, question);
}

}  // namespace

std::vector<Check> examine_slurm(const Path& state, const std::string& partition) {
  std::vector<Check> checks = {
      judge_partition(say({"sinfo", "-h", "-o", "%P|%a|%l|%D|%T"}, kAskMsMax), partition)};
  if (checks.front().health == Health::kError) return checks;  // a step would wait for ever
  checks.push_back(judge_mpi_types(say({"srun", "--mpi=list"}, kAskMsMax)));
  for (Check& check : examine_node(std::filesystem::absolute(state), partition))
    checks.push_back(std::move(check));
  return checks;
}

}  // namespace tagalign::cli
