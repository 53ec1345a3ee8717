/// Jobs that can never start where no agents come beside those that are known: an allocation of Slurm
/// that one workflow has for itself.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "coordinator/cli/host/connection.h"

namespace tagalign::cli {

/// Believed when it has lasted this long: jobs that end let others start.
inline constexpr std::int64_t kUnfitMs = 10'000;
/// Between two questions after the agents.
inline constexpr std::int64_t kUnfitLookMs = 1'000;

class UnfitWatch {
 public:
  /// `agents`: as many will be connected, and no more.
  explicit UnfitWatch(int agents) : agents_(agents) {}

  /// `jobs`: all that are followed. What to say when one needs more slots than all agents have
  /// together, while nothing runs that others could wait for; nullopt else. A question that is not
  /// answered now decides nothing.
  std::optional<std::string> look(Connection& connection, const std::vector<wire::JobSummary>& jobs,
                                  MonotonicMs now_ms);

 private:
  int agents_;
  std::optional<MonotonicMs> asked_ms_;
  std::optional<MonotonicMs> since_ms_;
};

}  // namespace tagalign::cli
