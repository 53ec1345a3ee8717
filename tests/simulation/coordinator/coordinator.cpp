#include "tests/simulation/coordinator/coordinator.h"

#include <algorithm>

#include "base/format.h"

namespace tagalign::simulation {

Coordinator::Coordinator(World& world, bool sqlite, Surroundings surroundings)
    : world_(world),
      surroundings_(std::move(surroundings)),
      facts_per_snapshot_min_(static_cast<std::uint64_t>(world.between(10, 200))),
      store_(world, sqlite) {}

void Coordinator::start() {
  if (up()) return;
  ++incarnation_;
  if (const Status opened = store_.open(); !opened.ok()) {
    return world_.violation("opening the store failed: " + opened.to_string());
  }
  check_replay();
  pool_ = std::make_unique<Pool>(world_, surroundings_.pool_nodes());
  socket_ = std::make_unique<wire::FakeServerSocket>();
  if (surroundings_.slurm) {
    slurm_calls_ = std::make_unique<SlurmCalls>(world_, *surroundings_.slurm,
                                                [this]() -> const core::State& { return state(); });
  }
  service_ = std::make_unique<service::Service>(
      service::ServiceParts{.clock = world_,
                            .files = disk_,
                            .socket = *socket_,
                            .store = store_,
                            .pool = *pool_,
                            .identity = {"1", 1, "/state", "tcp://fake:1"},
                            .facts_per_snapshot_min = facts_per_snapshot_min_,
                            .pools = slurm_calls_.get(),
                            .policy = policy()});
  if (const Status restored = service_->restore(); !restored.ok()) {
    world_.violation("restoring failed: " + restored.to_string());
  }
  check_finished();
  surroundings_.started();
  tick(incarnation_);
}

core::Policy Coordinator::policy() const {
  core::Policy policy;
  if (!world_.archives) return policy;
  policy.ended_jobs_kept = 3;
  policy.archive_after_ms = 20'000;
  return policy;
}

/// What the store holds is what the last coordinator knew, before the next one adds to it.
void Coordinator::check_replay() {
  const auto loaded = store::load_state(store_);
  if (!loaded.ok()) {
    return world_.violation("reading the store failed: " + loaded.status().to_string());
  }
  if (loaded->sequence != 0) ++world_.misfortunes["started from a snapshot"];
  if (!last_dump_.empty() && core::dump(loaded->state) != last_dump_) {
    world_.violation("the replay gave another state");
  }
}

void Coordinator::start_later() {
  world_.after(world_.downtime_ms(), [this] { start(); });
}

void Coordinator::crash() {
  // It may die with facts that the store has refused; then nobody knows better than the store.
  last_dump_ = store_.in_step() ? core::dump(state()) : "";
  service_.reset();
  socket_.reset();
  pool_.reset();
  slurm_calls_.reset();
  store_.close();
  start_later();
}

void Coordinator::heal() {
  store_.fail(0, 0);
  if (up() && store_.limited()) crash();
}

void Coordinator::receive(const std::string& peer, wire::PeerRole role, const wire::Frame& frame) {
  if (up()) socket_->put(peer, role, frame);
}

/// One round of the real loop. What it wants to say leaves only if it lives long enough.
void Coordinator::tick(int incarnation) {
  if (!up() || incarnation != incarnation_) return;
  const std::uint64_t before = stored();
  if (const Status stepped = service_->step(0); !stepped.ok()) {
    world_.violation("the service ended: " + stepped.to_string());
  }
  if (world_.killed) {
    world_.killed = false;
    world_.gangs_at_kill = world_.gangs.size();
    return crash();
  }
  if (stored() != before) {
    excuse_lost();
    check_finished();
    check_pool();
    check_bounds();
    if (world_.strikes(world_.weather.death_before_acting, "death before acting")) return crash();
  }
  for (auto& [peer, frames] : socket_->take_all_sent()) {
    for (wire::Frame& frame : frames) surroundings_.send(peer, std::move(frame));
  }
  stop_or_continue();
}

void Coordinator::stop_or_continue() {
  if (service_->finished()) {
    ++world_.misfortunes["coordinator stopped"];
    return crash();
  }
  const bool stalls = world_.strikes(world_.weather.stall, "coordinator stalled");
  world_.after(stalls ? world_.between(1'000, 20'000) : world_.round_ms(),
               [this, run = incarnation_] { tick(run); });
}

/// Attempts that were given up with their agent may still run there.
void Coordinator::excuse_lost() {
  for (const auto& [id, job] : state().jobs) {
    for (const core::AttemptRecord& record : job.attempts) {
      if (record.outcome != wire::Outcome::kAgentRestarted) continue;
      for (const wire::Share& share : record.shares) {
        const auto agent = state().agents.find(share.agent);
        const bool silent = agent == state().agents.end() || !agent->second.connected;
        if (silent) world_.excused.insert({{id, record.attempt}, share.agent});
      }
    }
  }
}

/// What the round has committed is what the pool said in it.
void Coordinator::check_pool() {
  const core::PoolView seen{pool_->alive(), pool_->slots_per_agent()};
  const auto known = state().pools.begin();
  const core::PoolView view = known == state().pools.end() ? core::PoolView{} : known->second;
  if (view != seen) {
    world_.violation(format("the pool has {} agents of {} slots, the coordinator knows {} of {}",
                            seen.agents, seen.slots_per_agent, view.agents, view.slots_per_agent));
  }
}

/// Of a group no more are under way than it may have; a drained agent has one new attempt at most.
void Coordinator::check_bounds() {
  std::map<core::GroupKey, int> under_way;
  for (const auto& [id, job] : state().jobs) {
    if (job.spec.group.empty() || core::holder(job) == nullptr) continue;
    const int live = ++under_way[{job.workflow, job.spec.group}];
    if (live > job.spec.group_live_max)
      world_.violation(format("{} of '{}' are under way at once", live, job.spec.group));
    if (live == job.spec.group_live_max) ++world_.misfortunes["sweep at its bound"];
  }
  for (const auto& [agent, health] : state().health) {
    if (health.drains == 0) continue;
    ++world_.misfortunes[health.on_probe ? "agent on probe" : "agent drained"];
    const auto& there = core::jobs_on(state(), agent);
    const auto fresh = std::ranges::count_if(there, [&](JobId id) {
      return state().jobs.at(id).attempts.back().started_ms > health.last_ms;
    });
    if (fresh > (health.on_probe ? 1 : 0))
      world_.violation(format("drained agent {} got {} attempts", agent.value, fresh));
  }
}

void Coordinator::check_finished() {
  for (const auto& [id, job] : state().jobs) {
    if (!core::is_terminal(job.state)) {
      if (world_.requeued.contains(id)) seen_finished_.erase(id);
      if (seen_finished_.contains(id))
        world_.violation(format("job {} was finished and is not now", id.value));
      continue;
    }
    const std::string name(core::job_state_name(job.state));
    const auto [entry, added] = seen_finished_.emplace(id, name);
    if (entry->second != name)
      world_.violation(format("job {} was {} and is {}", id.value, entry->second, name));
    if (name == "succeeded" && !world_.finished.contains(id)) {
      world_.violation(format("job {} is called succeeded, but no gang ended well", id.value));
    }
  }
}

}  // namespace tagalign::simulation
