/// A coordinator on host 1 and an agent on each further host of a network, with ranks that only talk
/// to their agents (rank_program): for tests of gangs that span hosts.
///
/// Owns     the network and all that runs on it.
/// Threads  one.
#pragma once

#include <gtest/gtest.h>
#include <sys/types.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/lab/gang_processes.h"
#include "tests/lab/host_network.h"
#include "tests/unit/agent/temporary_folder.h"

namespace tagalign::lab {

class GangHosts : public ::testing::Test {
 protected:
  /// Skipped, with what is missing, where no hosts can be made.
  void SetUp() override;
  void TearDown() override;

  /// Host 1 is the coordinator's; hosts 2 … `hosts` have an agent of `slots` each, called as the host.
  void start(int hosts, int slots = 2);
  void start_coordinator();
  void kill_coordinator();
  void start_agent(int host);
  pid_t agent_process(int host) const;
  /// SIGSTOP to the agent, and SIGCONT.
  void stop_agent(int host);
  void continue_agent(int host);

  /// Runs `tagalign` on host 1; its output.
  std::string tagalign(const std::vector<std::string>& arguments);
  /// Submits a job of that many ranks which runs until it is asked to leave.
  void submit_endless(int ranks);

  /// Processes of any attempt that live.
  std::vector<GangProcess> processes() const;
  std::vector<GangProcess> processes_of(std::uint32_t attempt) const;
  pid_t process(const std::function<bool(const GangProcess&)>& wanted) const;
  pid_t rank(int number) const;

  /// The attempt in which that many ranks run, known to their agents, and which is not older than
  /// `at_least`; fails the test when none comes in time.
  std::uint32_t wait_for_ranks(int ranks, std::uint32_t at_least = 1);
  /// Until no process of `attempt` lives; fails the test after `patience_ms`.
  void wait_until_gone(std::uint32_t attempt, std::int64_t patience_ms);
  bool eventually(const std::function<bool()>& reached, std::int64_t patience_ms) const;

  HostNetwork& network() { return *network_; }
  Path folder() const { return temporary_.path(); }

 private:
  std::vector<std::string> command(const std::vector<std::string>& arguments) const;
  std::string tail(const Path& file) const;

  tagalign::testing::TemporaryFolder temporary_;
  std::unique_ptr<HostNetwork> network_;
  std::map<int, pid_t> agents_;  ///< as started on each host
  pid_t coordinator_ = 0;
  int slots_ = 0;  ///< of each agent
};

}  // namespace tagalign::lab
