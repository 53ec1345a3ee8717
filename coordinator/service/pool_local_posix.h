/// One agent on this machine, kept running; one that lives and says nothing is killed, because its
/// slots and the lock on its folder would be held for ever. It survives the coordinator: the next coordinator
/// finds it through its pid file, or when it says hello, and the agent's own lock on its folder
/// turns a second one away.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "base/clock.h"
#include "base/file_system.h"
#include "coordinator/keys/state_folder.h"
#include "coordinator/service/pool.h"

namespace tagalign::service {

/// One slot per GPU where there are GPUs, else one per CPU core that this process may use.
int default_local_slots();
/// NVIDIA devices of this machine, without asking their driver.
int count_local_gpus();

struct LocalPoolOptions {
  Path state_folder;
  Path program;  ///< tagalign; run as `PROGRAM --state DIR agent --id local --slots N`
  std::string id = "local";
  int slots = 1;
  int gpus = 0;
};

class LocalPool final : public Pool {
 public:
  /// `clock` is borrowed.
  LocalPool(LocalPoolOptions options, Clock& clock);

  void tick() override;
  void on_hello(const wire::AgentHello& hello) override;
  void on_silence(const AgentId& agent) override;
  void stop() override { stopping_ = true; }
  int alive() override;
  int slots_per_agent() const override { return options_.slots; }

  static constexpr std::int64_t kRestartMsMin = 200;
  static constexpr std::int64_t kRestartMsMax = 5'000;
  /// An agent that lived this long was healthy: the next restart is quick again.
  static constexpr std::int64_t kHealthyMs = 10'000;
  /// Its gangs have ended by then (limits::kAgentSilentAfterMs): waiting longer saves nothing.
  static constexpr std::int64_t kUnheardMs = 30'000;

 private:
  Path pid_file() const { return folder_ / "agent.pid"; }
  void reap();
  void end_unheard();
  void start();
  void on_started(pid_t pid);
  void adopt(wire::ProcessIdentity identity);
  bool adopt_stranger();

  LocalPoolOptions options_;
  Clock& clock_;
  Path folder_;
  std::optional<wire::ProcessIdentity> agent_;
  std::optional<wire::ProcessIdentity> said_hello_;  ///< another process than agent_
  std::optional<MonotonicMs> unheard_since_ms_;      ///< while no hello has come since
  MonotonicMs started_ms_ = 0;
  MonotonicMs next_start_ms_ = 0;
  std::int64_t back_off_ms_ = kRestartMsMin;
  bool stopping_ = false;
};

}  // namespace tagalign::service
