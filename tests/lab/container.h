/// Processes in Linux namespaces of their own, which end whole: a stand-in for a machine.
///
/// Owns     the namespaces. Its first process dies with the thread that started it, and every other
///          process inside dies with the first: nothing stays behind, however a test ends.
/// Outside  sees the processes under other numbers (pid_inside()), and the same files.
/// Threads  one; that one must outlive the container.
/// Needs    root with the right to make namespaces, and util-linux (unshare, nsenter).
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/process.h"
#include "base/status.h"

namespace tagalign::lab {

struct ContainerOptions {
  /// A network of its own, at first with the loopback device alone, and a host name of its own.
  bool own_network = false;
  std::string host_name;  ///< with own_network only
  /// Replaces /etc/hosts inside; empty: as outside. With own_network only.
  std::string hosts_file;
  Path folder;  ///< exists; for small files of the container's own
};

class Container {
 public:
  /// kUnsupported names what is missing here.
  static Status available();
  static Result<Container> start(const ContainerOptions& options);

  Container(Container&& other) noexcept;
  Container& operator=(Container&& other) noexcept;
  ~Container();

  /// Starts a program inside; the caller reaps the process that is returned, which ends as the
  /// program does but is not the program: signals go to pid_inside(). `options.environment` is
  /// added to this process's. The program may fail to start; its exit code is then 127.
  Result<pid_t> start_process(const ProcessOptions& options) const;
  /// Runs a program inside to its end; kTimeout ends the wait and kills it.
  Result<CommandOutput> run(const std::vector<std::string>& command, std::int64_t timeout_ms) const;

  /// The first process as seen from outside; 0 after kill().
  pid_t first_process() const { return first_; }
  /// Every process inside, as seen from outside.
  std::vector<pid_t> processes() const;
  /// Kills every process inside at once, as a power cut does, and waits for their end.
  void kill();

 private:
  Container(pid_t supervisor, pid_t first, bool own_network)
      : supervisor_(supervisor), first_(first), own_network_(own_network) {}
  std::vector<std::string> entrance() const;

  pid_t supervisor_ = 0;  ///< unshare, our child; it ends when the first process does
  pid_t first_ = 0;
  bool own_network_ = false;
};

/// The program behind a process that Container::start_process() returned; kNotFound once it ended.
Result<pid_t> pid_inside(pid_t started);

/// Waits for a child; nullopt when it still runs after `patience_ms`.
std::optional<ExitStatus> wait_for_exit(pid_t child, std::int64_t patience_ms);

}  // namespace tagalign::lab
