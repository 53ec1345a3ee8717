/// What the core wants of the world for the pools that people add: Slurm's programs, and ssh.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "coordinator/core/core.h"

namespace tagalign::service {

/// What has become of it, as inputs of the core.
using PoolNews = std::variant<core::SlurmAnswered, core::SshAgentEnded>;

/// One thread: the service's. No call blocks; nothing fails but by its news.
class PoolBackend {
 public:
  virtual ~PoolBackend() = default;
  /// Begins a call, whose outcome comes as news exactly once, at the latest after a time-out.
  virtual void ask(const core::AskSlurm& effect) = 0;
  /// Starts the agent unless it runs: also one that an earlier coordinator started.
  virtual void start(const core::StartSshAgent& effect) = 0;
  virtual void end(const core::EndSshAgent& effect) = 0;
  /// What has come since the last call. Called every limits::kServiceTickMs.
  virtual std::vector<PoolNews> news() = 0;
};

}  // namespace tagalign::service
