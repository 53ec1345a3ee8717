/// What every party of a simulated cluster shares: one clock, one seed, one network, one shared
/// file system.
///
/// Everything that happens is a callback in one queue, ordered by time and then by insertion; every
/// choice is drawn from one Philox stream. Hence a seed names a whole run.
#pragma once

#include <functional>
#include <map>
#include <queue>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/random.h"
#include "coordinator/protocol/messages.h"

namespace tagalign::simulation {

using AttemptKey = std::pair<JobId, Attempt>;

/// Probabilities of misfortune; all zero after healing.
struct Weather {
  double loss = 0;
  double duplicate = 0;
  double slow = 0;        ///< a message takes up to 3 s
  double rank_death = 0;  ///< per step
  double program_error = 0;
  double launch_error = 0;
  double death_before_acting = 0;  ///< the coordinator dies between its commit and the effects
  double wedge = 0;                ///< a gang that ignores requests to save
};

/// Checkpoints as they lie on the shared file system, with the lease that guards publishing.
struct SharedFiles {
  struct Folder {
    Attempt lease;
    std::map<std::uint64_t, protocol::CheckpointInfo> steps;
  };
  std::map<JobId, Folder> jobs;
};

class World {
 public:
  explicit World(std::uint64_t seed) : random({seed, 0, 0}, StreamPurpose::kSimulation) {}

  void after(std::int64_t delay_ms, std::function<void()> action) {
    queue_.push({now + delay_ms, next_order_++, std::move(action)});
  }
  /// False when nothing is left or the next thing lies beyond `until_ms`.
  bool step(UnixMs until_ms) {
    if (queue_.empty() || queue_.top().at_ms > until_ms) return false;
    const Entry entry = queue_.top();
    queue_.pop();
    now = entry.at_ms;
    entry.action();
    return true;
  }
  std::int64_t between(std::int64_t low, std::int64_t high) {
    return low +
           static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(high - low + 1)));
  }
  void violation(std::string text) {
    if (violations.size() < 10) violations.push_back(std::move(text));
  }

  RandomStream random;
  UnixMs now = 1'000'000;
  Weather weather;
  SharedFiles files;
  std::set<AttemptKey> launched;        ///< gangs that ever started: none may twice
  std::map<AttemptKey, AgentId> gangs;  ///< gangs alive now
  std::set<AttemptKey> excused;  ///< declared lost by the coordinator: may overlap with a newer one
  std::set<JobId> finished;      ///< jobs of which some gang really ended well
  std::vector<std::string> violations;

 private:
  struct Entry {
    UnixMs at_ms;
    std::uint64_t order;
    std::function<void()> action;
    bool operator<(const Entry& other) const {
      return std::pair(other.at_ms, other.order) < std::pair(at_ms, order);
    }
  };
  std::priority_queue<Entry> queue_;
  std::uint64_t next_order_ = 0;
};

}  // namespace tagalign::simulation
