/// What the start of a gang brings into the memory of its ranks, so that they can do another job
/// without starting again: only evaluations of the same weights, on one node.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "configs/schema/jobs/evaluate_config.h"
#include "coordinator/wire/messages.h"

namespace tagalign::agent {

/// Ranks of an evaluation that ended well stay so long for another of the same weights, and have so
/// long to say hello as its ranks.
inline constexpr std::int64_t kRanksStayMs = 3'000;
inline constexpr std::int64_t kNextHelloMsMax = 5'000;

/// Launches with equal keys can be worked off by the same processes. Whether the files of the weights
/// are still the same is for the ranks to see (worker/evaluate/predictor_shelf.h).
struct StartKey {
  std::string workspace;
  int ranks = 1;
  int slots_per_rank = 1;
  std::vector<int> slots;  ///< by number: GPUs belong to them
  config::RuntimeConfig runtime;
  config::ClipConfig clip;
  config::EvaluationMethod method;
  std::string checkpoint;

  bool operator==(const StartKey&) const = default;
};

/// nullopt for a launch whose ranks end with it: another kind, several nodes, or a configuration that
/// is for the rank to refuse.
std::optional<StartKey> start_key_of(const wire::Launch& launch);

}  // namespace tagalign::agent
