/// Agents on other machines, each the child of an ssh that runs here.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/file_system.h"
#include "coordinator/core/core.h"
#include "coordinator/keys/state_folder.h"

namespace tagalign::service {

/// An ssh survives the coordinator, as its agent does; the next one finds it through its pid file in
/// STATE/pools/NAME/, beside its log. One thread; no call blocks.
class SshAgents {
 public:
  explicit SshAgents(Path state_folder) : folder_(std::move(state_folder) / "pools") {}

  void start(const core::StartSshAgent& effect);
  void end(const core::EndSshAgent& effect);
  std::vector<core::SshAgentEnded> news();

 private:
  using Key = std::pair<std::string, std::string>;  ///< pool and host
  Path pid_file(const Key& key) const { return folder_ / key.first / (key.second + ".pid"); }
  Path log_file(const Key& key) const { return folder_ / key.first / (key.second + ".log"); }
  Status launch(const core::StartSshAgent& effect, const Key& key);

  Path folder_;
  std::map<Key, wire::ProcessIdentity> running_;
  std::vector<core::SshAgentEnded> ready_;
};

}  // namespace tagalign::service
