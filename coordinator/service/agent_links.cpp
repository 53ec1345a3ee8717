#include "coordinator/service/agent_links.h"

namespace tagalign::service {

void AgentLinks::link(const AgentId& agent, const std::string& peer, MonotonicMs now_ms) {
  links_[agent] = {peer, now_ms};
}

bool AgentLinks::heard(const AgentId& agent, const std::string& peer, MonotonicMs now_ms) {
  const auto found = links_.find(agent);
  if (found == links_.end() || found->second.peer != peer) return false;
  found->second.heard_ms = now_ms;
  return true;
}

void AgentLinks::expect(const AgentId& agent, MonotonicMs now_ms) {
  links_.try_emplace(agent, Link{"", now_ms});
}

void AgentLinks::drop(const AgentId& agent) {
  links_.erase(agent);
}

std::optional<std::string> AgentLinks::peer(const AgentId& agent) const {
  const auto found = links_.find(agent);
  if (found == links_.end() || found->second.peer.empty()) return std::nullopt;
  return found->second.peer;
}

std::vector<AgentId> AgentLinks::linked() const {
  std::vector<AgentId> agents;
  for (const auto& [agent, link] : links_) {
    if (!link.peer.empty()) agents.push_back(agent);
  }
  return agents;
}

std::vector<AgentId> AgentLinks::silent_since(MonotonicMs heard_before_ms) const {
  std::vector<AgentId> agents;
  for (const auto& [agent, link] : links_) {
    if (link.heard_ms <= heard_before_ms) agents.push_back(agent);
  }
  return agents;
}

}  // namespace tagalign::service
