/// Processes as the agent needs them: start, watch, signal. process_host_posix.cpp touches the real
/// ones; tests script a fake.
///
/// One thread, which must live as long as the processes: they are tied to it by PR_SET_PDEATHSIG.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/process.h"
#include "base/status.h"
#include "worker/agent/gangs/process_name.h"

namespace tagalign::agent {

class ProcessHost {
 public:
  virtual ~ProcessHost() = default;
  virtual Result<ProcessName> start(const ProcessOptions& options) = 0;
  /// How a started process ended; nullopt while it runs. Afterwards it is forgotten.
  virtual std::optional<ExitStatus> reap(int pid) = 0;
  virtual void signal_process(int pid, int signal) = 0;
  /// Signals the group that `leader` leads, if that is still the same process (its
  /// pid was not reused).
  virtual void signal_group(const ProcessName& leader, int signal) = 0;
  /// Living processes whose environment says TAGALIGN_GANG=<mark>…; `mark` is
  /// a prefix. Walks /proc.
  virtual std::vector<int> marked(const std::string& mark) = 0;
  /// The same for what descends from processes started here. Looks at little when all of them have
  /// ended in good order.
  virtual std::vector<int> marked_descendants(const std::string& mark) { return marked(mark); }
  /// State, waiting place and system call of each thread, and the open files, for people: of a
  /// process that does not get on. Empty when it is gone.
  virtual std::string describe(int) { return ""; }
  /// What debug() would run; nullopt: this machine has no debugger.
  virtual std::optional<Path> debugger() { return std::nullopt; }
  /// Appends the stacks of all threads of the process to the file, within kDebuggerMs and without
  /// being waited for. False when nothing was started.
  virtual bool debug(int, const Path&) { return false; }
  /// From now on wait() tells when `pid` ends, whoever its parent is.
  virtual void watch(int pid) = 0;
  /// From now on wait() also returns when one of these can be read; negative ones are ignored. A
  /// host that never waits has no use for them.
  virtual void wake_on(const std::vector<int>&) {}
  /// Watched processes that have ended, each told once; waits up to `timeout_ms` for the first.
  virtual std::vector<int> wait(int timeout_ms) = 0;
};

std::unique_ptr<ProcessHost> make_process_host();

}  // namespace tagalign::agent
