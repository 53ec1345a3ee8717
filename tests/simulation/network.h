/// Links that keep the order within a connection, lose, delay, repeat late, and can be cut.
#pragma once

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "tests/simulation/world.h"

namespace tagalign::simulation {

inline std::string up_link(const AgentId& id) {
  return id.value + " up";
}
inline std::string down_link(const AgentId& id) {
  return id.value + " down";
}

class Network {
 public:
  explicit Network(World& world) : world_(world) {}

  /// `connection` runs over the link, and names its direction too. `deliver` runs later: never,
  /// once, or twice. The second copy of a message may come behind newer ones.
  template <class Deliver>
  void carry(const std::string& link_name, const std::string& connection, Deliver deliver) {
    if (cut_.contains(link_name) || world_.strikes(world_.weather.loss, "message lost")) return;
    const int copies = world_.strikes(world_.weather.duplicate, "message repeated") ? 2 : 1;
    for (int i = 0; i < copies; ++i) {
      const auto slowest = world_.strikes(world_.weather.slow, "message slow") ? 3'000 : 40;
      UnixMs& last_ms = last_ms_[connection];
      const UnixMs at = std::max(last_ms, world_.now + world_.between(1, slowest));
      if (i == 0) last_ms = at;
      world_.after(at - world_.now + i * world_.between(0, 500), deliver);
    }
  }
  void set_cut(const std::string& link_name, bool cut) {
    if (cut) cut_.insert(link_name);
    if (!cut) cut_.erase(link_name);
  }
  /// All links.
  void mend() { cut_.clear(); }

 private:
  World& world_;
  std::map<std::string, UnixMs> last_ms_;  ///< by connection
  std::set<std::string> cut_;
};

}  // namespace tagalign::simulation
