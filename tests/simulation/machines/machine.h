/// The processes of one simulated machine, as its agent starts, watches and signals them. They
/// outlive the agent's process; what that process watched does not.
///
/// Owns     what of the gangs runs here. Checks that no attempt is launched twice, that two attempts of a job never
///          run side by side unless the coordinator has declared the older one lost, and that no
///          slot and no GPU is handed out while a process of another gang holds it.
/// Threads  one.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "tests/simulation/gangs/gang.h"
#include "worker/agent/gangs/process_host.h"

namespace tagalign::simulation {

/// What a machine offers, and its disk, which it borrows.
struct Hardware {
  AgentId id;
  int slots = 1;
  std::vector<std::string> gpus;  ///< none, or one behind every slot
  FileSystem& disk;
};

class Machine final : public agent::ProcessHost {
 public:
  Machine(World& world, Hardware hardware, Rank::Send rank_send);
  ~Machine() override;
  Machine(const Machine&) = delete;

  Result<agent::ProcessName> start(const ProcessOptions& options) override;
  std::optional<ExitStatus> reap(int pid) override;
  void signal_process(int pid, int signal) override;
  void signal_group(const agent::ProcessName& leader, int signal) override;
  std::vector<int> marked(const std::string& mark) override;
  void watch(int pid) override;
  /// At once: the world's time stands still meanwhile.
  std::vector<int> wait(int timeout_ms) override;

  /// Launchers end with the agent that started them.
  void agent_died();
  void power_cut();
  /// The living rank behind a peer of the agent's socket; nullptr when it is gone.
  Rank* find_rank(const std::string& peer);

 private:
  Result<agent::ProcessName> start_daemon(const DaemonCommand& daemon,
                                          const ProcessOptions& options);
  Result<agent::ProcessName> start_part(const std::shared_ptr<Gang>& gang, Program program);
  agent::ProcessName ended_at_once();
  void check_launch(const AttemptKey& key);
  void check_slots(const Program& program);
  void check_gpus(const Program& program);
  bool is_excused(const AttemptKey& key) const;
  void on_death(int pid);
  void forget(const AttemptKey& key);
  bool lives(int pid) const;

  World& world_;
  const Hardware hardware_;
  Rank::Send rank_send_;
  std::map<int, std::shared_ptr<Part>> parts_;  ///< by launcher
  std::set<int> stillborn_;                     ///< daemons that found no launcher
  std::set<int> watched_;
  std::vector<int> gone_;
  int next_pid_ = 100;
};

}  // namespace tagalign::simulation
