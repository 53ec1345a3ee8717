/// The workflows that the simulated clients submit.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/format.h"
#include "coordinator/wire/messages.h"
#include "coordinator/wire/pool_messages.h"
#include "tests/simulation/gangs/part.h"
#include "tests/simulation/world.h"

namespace tagalign::simulation {

/// The most that a job of these workflows holds.
inline constexpr int kTrainRanks = 2;
inline constexpr int kSlotsPerRankMax = 2;

inline wire::JobSpec job(std::string name, std::string kind, int slots_per_rank,
                         std::vector<std::string> after, std::string on_commit_of = {}) {
  wire::JobSpec spec;
  spec.name = std::move(name);
  spec.ranks = kind == "train" ? kTrainRanks : 1;
  spec.kind = std::move(kind);
  spec.slots_per_rank = slots_per_rank;
  spec.config_yaml = configuration(slots_per_rank);
  spec.after = std::move(after);
  spec.on_commit_of = std::move(on_commit_of);
  // Nothing here takes as long; what is learned of few steps would outlast the calm at the end.
  spec.deadlines = {.start = 120'000,
                    .load = 120'000,
                    .first_step = 60'000,
                    .step = 60'000,
                    .save = 120'000,
                    .image = 60'000};
  return spec;
}

/// `spans`: the training needs two nodes.
inline wire::WorkflowSpec workflow(int number, int slots_per_rank, bool spans) {
  wire::JobSpec train = job("train", "train", slots_per_rank, {"prepare"});
  if (spans) train.ranks_per_node = 1;
  return {format("flow-{}", number),
          "/work",
          {job("prepare", "scenes", 1, {}), train,
           job("evaluate", "evaluate", slots_per_rank, {}, "train"),
           job("baseline", "evaluate", 1, {"prepare"}),
           job("report", "scenes", 1, {"evaluate", "baseline"})}};
}

/// Priorities and choices of commits, drawn.
inline void put_in_order(wire::WorkflowSpec& workflow, World& world) {
  for (wire::JobSpec& spec : workflow.jobs) {
    if (world.random.chance(0.5)) spec.priority = static_cast<int>(world.between(-1, 2));
    if (spec.on_commit_of.empty() || !spec.best_of.empty()) continue;
    spec.commits_every = static_cast<int>(world.between(0, 3));
    spec.last_commit = world.random.chance(0.5);
    spec.newest_only = world.random.chance(0.3);
  }
}

/// A sweep of which few are under way at once, a job that waits for a commit of the training, and an
/// evaluation of the best one.
inline void put_bounds(wire::WorkflowSpec& workflow, World& world) {
  const int live_max = static_cast<int>(world.between(1, 3));
  const auto jobs = world.between(live_max, live_max + 4);
  for (std::int64_t i = 0; i < jobs; ++i) {
    wire::JobSpec swept = job(format("swept-{}", i), "scenes", 1, {});
    swept.group = "swept";
    swept.group_live_max = live_max;
    workflow.jobs.push_back(std::move(swept));
  }
  wire::JobSpec early = job("early", "scenes", 1, {});
  early.after_commit = {
      {"train", static_cast<std::uint64_t>(world.between(1, 14)) * world.pace.steps / 12}};
  workflow.jobs.push_back(std::move(early));
  wire::JobSpec best = job("best", "evaluate", 1, {}, "train");
  best.best_of = "evaluate";
  best.best_dataset = "voc";
  workflow.jobs.push_back(std::move(best));
}

/// What one allocation of `pool` holds runs nowhere else.
inline void pin(wire::WorkflowSpec& workflow, const wire::PoolSpec& pool) {
  const int nodes = std::get<wire::SlurmSource>(pool.source).nodes;
  for (wire::JobSpec& spec : workflow.jobs) {
    if (spec.ranks_per_node == 0 || nodes * spec.ranks_per_node >= spec.ranks)
      spec.pool = pool.name;
  }
}

}  // namespace tagalign::simulation
