/// The real Slurm and the real ssh.
#pragma once

#include <iterator>
#include <utility>
#include <vector>

#include "coordinator/service/pools/backend.h"
#include "coordinator/service/pools/script.h"
#include "coordinator/service/pools/slurm_calls_posix.h"
#include "coordinator/service/pools/ssh_agents_posix.h"

namespace tagalign::service {

class PosixPoolBackend final : public PoolBackend {
 public:
  /// `clock` is borrowed.
  PosixPoolBackend(const PoolPaths& paths, Clock& clock)
      : slurm_(paths, clock), ssh_(paths.state_folder) {}

  void ask(const core::AskSlurm& effect) override { slurm_.ask(effect); }
  void start(const core::StartSshAgent& effect) override { ssh_.start(effect); }
  void end(const core::EndSshAgent& effect) override { ssh_.end(effect); }
  std::vector<PoolNews> news() override {
    std::vector<PoolNews> all;
    for (auto& answer : slurm_.news()) all.emplace_back(std::move(answer));
    for (auto& ended : ssh_.news()) all.emplace_back(std::move(ended));
    return all;
  }

 private:
  SlurmCalls slurm_;
  SshAgents ssh_;
};

}  // namespace tagalign::service
