/// A pool of simulated machines as the coordinator's process sees it: it asks for agents that are
/// missing, and whoever grants them may refuse, start them late, or tell late of their end.
///
/// Owns     what the process knows of its agents, which is forgotten with it; agents, and starts
///          that were granted, live on. Borrows the nodes.
/// Threads  one.
#pragma once

#include <vector>

#include "coordinator/service/pool.h"
#include "tests/simulation/machines/node.h"
#include "tests/simulation/world.h"

namespace tagalign::simulation {

class Pool final : public service::Pool {
 public:
  Pool(World& world, const std::vector<Node*>& nodes);

  void tick() override;
  void on_hello(const wire::AgentHello& hello) override;
  void stop() override { stopping_ = true; }
  int alive() override;
  int slots_per_agent() const override;

 private:
  struct Place {
    Node* node;
    bool running = false;  ///< as last seen
    UnixMs look_ms = 0;    ///< when it is looked at again
    UnixMs ask_ms = 0;     ///< not asked for before
  };
  void look(Place& place);
  void ask(Place& place);

  World& world_;
  std::vector<Place> places_;
  bool stopping_ = false;
};

}  // namespace tagalign::simulation
