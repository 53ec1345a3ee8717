/// Links that keep order, lose, delay, repeat late, and can be cut.
#pragma once

#include <algorithm>
#include <map>
#include <string>

#include "tests/simulation/world.h"

namespace tagalign::simulation {

class Network {
 public:
  explicit Network(World& world) : world_(world) {}

  /// `deliver` runs later: never, once, or twice. The second copy of a message may
  /// come behind newer ones.
  template <class Deliver>
  void carry(const std::string& link_name, Deliver deliver) {
    Link& link = links_[link_name];
    if (link.cut || world_.strikes(world_.weather.loss, "message lost")) return;
    const int copies = world_.strikes(world_.weather.duplicate, "message repeated") ? 2 : 1;
    for (int i = 0; i < copies; ++i) {
      const auto slowest = world_.strikes(world_.weather.slow, "message slow") ? 3'000 : 40;
      const UnixMs at = std::max(link.last_ms, world_.now + world_.between(1, slowest));
      if (i == 0) link.last_ms = at;
      world_.after(at - world_.now + i * world_.between(0, 500), deliver);
    }
  }
  void set_cut(const std::string& link_name, bool cut) { links_[link_name].cut = cut; }

 private:
  struct Link {
    UnixMs last_ms = 0;
    bool cut = false;
  };
  World& world_;
  std::map<std::string, Link> links_;
};

}  // namespace tagalign::simulation
