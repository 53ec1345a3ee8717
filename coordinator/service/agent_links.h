/// Which connection leads to which agent, and when each was last heard.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"

namespace tagalign::service {

class AgentLinks {
 public:
  /// A hello: from now on `peer` is the way to `agent`.
  void link(const AgentId& agent, const std::string& peer, MonotonicMs now_ms);
  /// Any other message. False when `peer` is not the agent's connection: it must say hello first.
  bool heard(const AgentId& agent, const std::string& peer, MonotonicMs now_ms);
  /// Starts the silence of an agent that the state calls connected but that has not said hello yet.
  void expect(const AgentId& agent, MonotonicMs now_ms);
  /// A hello that could not be recorded: the agent was heard, but must say it again.
  void unlink(const AgentId& agent);
  void drop(const AgentId& agent);
  /// Another process has come in the place of this one. Forgotten with drop(): should the two
  /// have been taken for each other, the one that lives is heard once the other was silent.
  void note_ended(const AgentId& agent, const std::string& incarnation);
  /// True for a process whose words may still arrive, on a connection of their own.
  bool has_ended(const AgentId& agent, const std::string& incarnation) const;

  /// nullopt when the agent has not said hello to this process.
  std::optional<std::string> peer(const AgentId& agent) const;
  std::vector<AgentId> linked() const;
  std::vector<AgentId> silent_since(MonotonicMs heard_before_ms) const;
  /// True once in each silence of `agent`: a silence that cannot be recorded is said once.
  bool first_word_of_silence(const AgentId& agent);

 private:
  struct Link {
    std::string peer;  ///< empty: expected
    MonotonicMs heard_ms = 0;
    bool silence_said = false;
  };
  std::map<AgentId, Link> links_;
  std::map<AgentId, std::deque<std::string>> ended_;  ///< incarnations, newest last
};

}  // namespace tagalign::service
