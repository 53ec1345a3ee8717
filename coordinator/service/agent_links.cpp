#include "coordinator/service/agent_links.h"

#include <algorithm>
#include <utility>

namespace tagalign::service {
namespace {

constexpr std::size_t kEndedMax = 8;

}  // namespace

void AgentLinks::link(const AgentId& agent, const std::string& peer, MonotonicMs now_ms) {
  links_[agent] = {peer, now_ms, false};
}

bool AgentLinks::heard(const AgentId& agent, const std::string& peer, MonotonicMs now_ms) {
  const auto found = links_.find(agent);
  if (found == links_.end() || found->second.peer != peer) return false;
  found->second.heard_ms = now_ms;
  found->second.silence_said = false;
  return true;
}

void AgentLinks::expect(const AgentId& agent, MonotonicMs now_ms) {
  links_.try_emplace(agent, Link{"", now_ms, false});
}

void AgentLinks::unlink(const AgentId& agent) {
  if (const auto found = links_.find(agent); found != links_.end()) found->second.peer.clear();
}

void AgentLinks::drop(const AgentId& agent) {
  links_.erase(agent);
  ended_.erase(agent);
}

void AgentLinks::note_ended(const AgentId& agent, const std::string& incarnation) {
  std::deque<std::string>& ended = ended_[agent];
  ended.push_back(incarnation);
  if (ended.size() > kEndedMax) ended.pop_front();
}

bool AgentLinks::has_ended(const AgentId& agent, const std::string& incarnation) const {
  const auto found = ended_.find(agent);
  return found != ended_.end() &&
         std::ranges::find(found->second, incarnation) != found->second.end();
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

bool AgentLinks::first_word_of_silence(const AgentId& agent) {
  const auto found = links_.find(agent);
  if (found == links_.end()) return false;
  return !std::exchange(found->second.silence_said, true);
}

}  // namespace tagalign::service
