#include "worker/agent/gangs/debugger_posix.h"

#include <string>
#include <vector>

#include "base/format.h"
#include "base/log.h"
#include "base/process.h"
#include "worker/agent/gangs/gang.h"

namespace tagalign::agent {
namespace {

/// A debugger waits for ever for a process that the kernel holds, hence `timeout`, which lives on
/// when this agent dies and so ends it all the same.
std::vector<std::string> limited(std::vector<std::string> command) {
  command.insert(command.begin(), {"timeout", "--signal=KILL", format("{}", kDebuggerMs / 1'000)});
  return command;
}

}  // namespace

std::optional<Path> find_debugger() {
  for (const char* name : {"gdb", "eu-stack"})
    if (auto program = find_program(name)) return program;
  return std::nullopt;
}

bool start_debugger(int pid, const Path& into) {
  const auto program = find_debugger();
  if (!program) return false;
  const std::string number = std::to_string(pid);
  std::vector<std::string> command = {program->string(), "-p", number};
  if (program->filename() == "gdb")
    command.insert(command.end(), {"-nx", "-batch", "-ex", "thread apply all bt"});
  const auto started = start_process(
      {.command = limited(std::move(command)), .stdout_file = into, .stderr_file = into});
  if (!started.ok()) log_warning("the debugger of a hung rank: {}", started.status().message());
  return started.ok();
}

}  // namespace tagalign::agent
