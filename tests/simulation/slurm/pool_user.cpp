#include "tests/simulation/slurm/pool_user.h"

#include "base/format.h"
#include "tests/simulation/workflows.h"

namespace tagalign::simulation {
namespace {

constexpr std::int64_t kAskAgainMs = 3'000;
/// Clocks are set by up to ten minutes, and agents leave some time before what they take for the end.
constexpr std::int64_t kLongLimitS = 1'200;

/// What the coordinator is told of a node's slots: GPUs, cores, or nothing.
void draw_slots(World& world, wire::SlurmSource& source) {
  const int slots = static_cast<int>(
      world.between(kTrainRanks * kSlotsPerRankMax, kTrainRanks * kSlotsPerRankMax + 2));
  const std::int64_t kind = world.between(0, 2);
  if (kind == 0) source.gpus_per_node = slots;
  if (kind == 1) source.cpus_per_node = slots;
}

}  // namespace

PoolPlan some_pool(World& world, bool spans) {
  wire::SlurmSource source;
  source.nodes = static_cast<int>(world.between(spans ? 2 : 1, 2));
  draw_slots(world, source);
  const bool needed = world.random.chance(0.7);
  source.time_limit_s =
      needed ? world.between(kLongLimitS, 3 * kLongLimitS) : world.between(90, 400);
  source.signal_before_end_s = world.between(10, 80);
  source.max = static_cast<int>(world.between(1, 3));
  source.backlog = static_cast<int>(world.between(1, source.max));
  source.idle_ms = world.between(1'000, world.random.chance(0.5) ? 10'000 : 60'000);
  return {.spec = {"cluster", wire::GangLauncher::kMpirun, source},
          .needed = needed,
          .removed_at_end = world.random.chance(0.5)};
}

void PoolUser::start() {
  world_.after(world_.between(0, 60'000), [this] { tend(); });
}

void PoolUser::tend() {
  if (const core::State* state = around_.look()) tend(*state);
  world_.after(world_.between(kAskAgainMs, 2 * kAskAgainMs), [this] { tend(); });
}

void PoolUser::tend(const core::State& state) {
  const auto pool = state.pool_records.find(plan_.spec.name);
  const bool there = pool != state.pool_records.end();
  if (there != was_there_ && there) ++world_.misfortunes["pool added"];
  if (there != was_there_ && !there) ++world_.misfortunes["pool gone"];
  if (was_there_ && !there) ++pools_;
  was_there_ = there;
  if (!calm_ && !wanted_ && !there) wanted_ = world_.random.chance(0.3);
  if (wanted_ && !there) return add();
  if (!there || pool->second.mode == core::PoolMode::kRemoving) return;
  if (!wanted_) return ask_for(wire::PoolVerb::kRemove, "pool removed");
  calm_ ? keep_open(pool->second) : change_mind();
}

/// The account tells which of the pools of that name an allocation is of.
void PoolUser::add() {
  wire::PoolSpec spec = plan_.spec;
  std::get<wire::SlurmSource>(spec.source).account = format("account-{}", pools_);
  around_.request(wire::PoolAddRequest{spec});
}

/// Failures of the bad weather would keep it waiting.
void PoolUser::keep_open(const core::PoolRecord& pool) {
  if (pool.mode == core::PoolMode::kPaused || pool.failures > 0)
    ask_for(wire::PoolVerb::kResume, "pool resumed");
}

void PoolUser::change_mind() {
  if (world_.random.chance(0.03)) return ask_for(wire::PoolVerb::kPause, "pool paused");
  if (world_.random.chance(0.1)) return ask_for(wire::PoolVerb::kResume, "pool resumed");
  if (world_.random.chance(0.02)) wanted_ = false;
}

void PoolUser::ask_for(wire::PoolVerb verb, const char* misfortune) {
  ++world_.misfortunes[misfortune];
  around_.request(wire::PoolVerbRequest{plan_.spec.name, verb});
}

bool PoolUser::is_done(const core::State& state) const {
  const auto pool = state.pool_records.find(plan_.spec.name);
  if (pool == state.pool_records.end()) return !wanted_;
  return wanted_ && pool->second.allocations.empty();
}

}  // namespace tagalign::simulation
