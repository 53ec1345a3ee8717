/// The simulated world: every callback in one queue, ordered by time and then by insertion; every
/// choice is drawn from one Philox stream. Hence a seed names a whole run.
///
/// Owns     the time, the shared file system with its checkpoints, the ledger of what really
///          happened, and the promises that were seen broken. Must outlive whatever it calls back.
/// Threads  one.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <queue>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "base/random.h"
#include "coordinator/wire/messages.h"

namespace tagalign::simulation {

using AttemptKey = std::pair<JobId, Attempt>;

/// Probabilities of misfortune; all zero after healing.
struct Weather {
  double loss = 0;
  double duplicate = 0;
  double late_word = 0;  ///< a message outlives its connection
  double slow = 0;       ///< a message takes up to 3 s
  double stall = 0;      ///< a process stands still for seconds: per round of its loop
  double rank_death = 0;
  double program_error = 0;
  double launch_error = 0;
  double death_before_acting = 0;  ///< the coordinator dies between its commit and the effects
  double wedge = 0;                ///< silent ranks, launchers that hang, deaf programs
  double orphan = 0;               ///< ranks outlive their launcher
  double pool_refusal = 0;         ///< a pool starts no agent when it is asked to
  double pool_late = 0;            ///< a pool starts agents, or sees their ends, seconds late
  double small_store = 0;          ///< a coordinator's database may hardly grow while it runs
  double snapshot_error = 0;

  // where there is a Slurm
  double early_end = 0;      ///< an allocation is taken away before the time, or without notice
  double slurm_refusal = 0;  ///< a call is refused
  double slurm_loss = 0;     ///< a call is not answered or in part, and what is over is forgotten
  double slurm_full = 0;     ///< an allocation waits for minutes
};

/// Checkpoints as they lie on the shared file system, with the lease that guards publishing.
struct SharedFiles {
  struct Folder {
    Attempt lease;
    Attempt published;  ///< the newest that has published a checkpoint
    std::map<std::uint64_t, wire::CheckpointInfo> steps;
  };
  std::map<JobId, Folder> jobs;
};

struct LivingGang {
  std::set<AgentId> agents;  ///< with a process of it
  std::string verb;
};

class Gang;

/// Where the coordinator's process is killed once: at a commit of its store, counted from 1.
struct CrashPoint {
  std::uint64_t commit = 0;  ///< 0: nowhere
  bool before = false;       ///< nothing of it is durable; else all is, and nothing was said of it
};

/// How fast a simulated day goes by. What the programs themselves wait for is not stretched.
struct Pace {
  UnixMs weather_ms = 240'000;
  /// At most, until all jobs have ended. Longer than the longest wait for the probe of a node that was
  /// drained, which a job may need.
  UnixMs calm_ms = 4'500'000;
  int users = 1;             ///< times as many come
  std::int64_t rounds = 1;   ///< times as long between two rounds of a process's loop
  std::int64_t strikes = 1;  ///< times as long between two strikes, and between looks of the users
  double per_step = 1;       ///< how much of a misfortune's probability each step has
  std::uint64_t steps = 12;  ///< of a training
  std::uint64_t steps_per_checkpoint = 3;
};

class World final : public Clock {
 public:
  explicit World(std::uint64_t seed, Pace its_pace = {})
      : pace(its_pace),
        random({seed, 0, 0}, StreamPurpose::kSimulation),
        bounds(seed % 5 == 0),
        people(seed % 3 != 0),
        archives(seed % 4 == 1) {}

  UnixMs unix_ms() override { return now + wall_offset_ms; }
  MonotonicMs monotonic_ms() override { return now; }
  /// A callback takes no time.
  void sleep_ms(std::int64_t) override {}

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
  /// How long a dead process stays away: mostly shorter than anybody's patience, else longer.
  std::int64_t downtime_ms() { return between(10, random.chance(0.3) ? 30'000 : 3'000); }
  std::int64_t round_ms() { return pace.rounds * between(20, 80); }
  /// Draws, and counts what strikes under its name.
  bool strikes(double probability, const char* misfortune) {
    if (!random.chance(probability)) return false;
    ++misfortunes[misfortune];
    return true;
  }
  bool linked(const AgentId& a, const AgentId& b) const {
    return !apart.contains({std::min(a, b), std::max(a, b)});
  }
  void set_linked(const AgentId& a, const AgentId& b, bool linked) {
    const std::pair pair{std::min(a, b), std::max(a, b)};
    linked ? void(apart.erase(pair)) : void(apart.insert(pair));
  }
  void violation(std::string text) {
    if (violations.size() < 10) violations.push_back(std::move(text));
  }

  const Pace pace;
  RandomStream random;
  UnixMs now = 1'000'000;
  std::int64_t wall_offset_ms = 0;  ///< wall clocks are set; the monotonic clock is not
  Weather weather;
  SharedFiles files;
  std::set<std::pair<AttemptKey, AgentId>> launched;  ///< what ever started: nothing may twice
  std::map<AttemptKey, LivingGang> gangs;             ///< gangs of which a process lives now
  /// Declared lost by the coordinator: may overlap there with a newer one.
  std::set<std::pair<AttemptKey, AgentId>> excused;
  std::map<AttemptKey, std::weak_ptr<Gang>> launchers;  ///< where a daemon finds its gang
  bool allocations_end = true;
  /// Sweeps, waiting for commits, the best checkpoint, a broken node: in seeds divisible by 5.
  bool bounds = false;
  std::set<AgentId> broken;  ///< nodes that launch nothing
  bool people = false;       ///< who give jobs an order and change it: not in seeds divisible by 3
  bool archives =
      false;  ///< workflows leave the live state soon after they ended: in each fourth seed
  std::set<JobId> requeued;  ///< jobs that somebody wanted to be tried again
  CrashPoint crash_point;
  std::uint64_t commits = 0;                    ///< of all processes of the coordinator
  bool killed = false;                          ///< at its crash point, and not buried yet
  std::size_t gangs_at_kill = 0;                ///< that lived then
  int store_failures = 0;                       ///< commits of a coordinator that failed
  std::set<std::pair<AgentId, AgentId>> apart;  ///< machines that do not reach each other
  std::set<JobId> finished;                     ///< jobs of which some gang really ended well
  std::map<std::string, int> misfortunes;       ///< how often each struck
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

/// How bad each kind of misfortune is in one run, drawn.
Weather some_weather(World& world);
/// The same for what befalls Slurm and its allocations.
void add_slurm_weather(World& world);

}  // namespace tagalign::simulation
