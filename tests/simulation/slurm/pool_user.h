/// A person who adds a Slurm pool, changes their mind about it in bad weather, and in the end keeps it
/// or has it removed. Asks again until the coordinator shows that it was heard.
///
/// Threads  one.
#pragma once

#include <functional>

#include "coordinator/service/service.h"
#include "coordinator/wire/client_messages.h"
#include "tests/simulation/world.h"

namespace tagalign::simulation {

/// What is drawn of a pool, once a run.
struct PoolPlan {
  wire::PoolSpec spec;
  bool needed = false;          ///< some jobs run nowhere else
  bool removed_at_end = false;  ///< else it is left to give all back
};
/// Every node holds every job of the workflows; `spans`: at least two nodes.
PoolPlan some_pool(World& world, bool spans);

class PoolUser {
 public:
  struct Around {
    std::function<void(const wire::ClientRequest&)> request;
    std::function<const core::State*()> look;  ///< nullptr while the coordinator is down
  };
  PoolUser(World& world, PoolPlan plan, Around around)
      : world_(world), plan_(std::move(plan)), around_(std::move(around)) {}

  /// Sooner or later.
  void start();
  /// From now on the pool shall be there and open.
  void calm_down() { calm_ = wanted_ = true; }
  /// No job needs the pool any more.
  void finish() { wanted_ = !plan_.removed_at_end; }
  /// The coordinator holds nothing of the pool, or only the pool itself.
  bool is_done(const core::State& state) const;
  const PoolPlan& plan() const { return plan_; }

 private:
  void tend();
  void tend(const core::State& state);
  void add();
  void keep_open(const core::PoolRecord& pool);
  void change_mind();
  void ask_for(wire::PoolVerb verb, const char* misfortune);

  World& world_;
  PoolPlan plan_;
  const Around around_;
  bool wanted_ = true;
  bool calm_ = false;
  bool was_there_ = false;
  int pools_ = 0;  ///< of that name, one after the other
};

}  // namespace tagalign::simulation
