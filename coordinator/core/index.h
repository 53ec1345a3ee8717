/// What makes an event cost O(log n): sets and counters that follow the state.
///
/// Kept by evolve() through index.cpp alone, and holding no choice: they say which jobs wait for
/// nothing but slots, not which of them shall start.
#pragma once

#include <compare>
#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "coordinator/core/line.h"

namespace tagalign::core {

struct State;
struct Job;
struct Workflow;

/// How far a live job is from being placed.
struct Needs {
  int unmet = 0;   ///< jobs that it still waits for, once for each mention
  int broken = 0;  ///< of these: failed or cancelled
};

/// What decides where a job fits: jobs of one shape fit in the same places.
struct Shape {
  int slots = 0;
  int ranks = 0;
  int ranks_per_node = 0;
  int nodes_max = 0;
  std::string pool;
  std::int64_t pace_s = 0;  ///< what it took to start, to make a step and to save; rounded up
  auto operator<=>(const Shape&) const = default;
};

/// Jobs of a workflow of which only so many are under way at once.
struct Group {
  using Place = std::pair<int, JobId>;  ///< minus the priority; in the order in which they start
  int live_max = 0;
  std::set<JobId> seated;   ///< under way: from their first start to their end
  std::set<Place> next;     ///< in line: as many as there are seats left
  std::set<Place> waiting;  ///< that lack nothing but a seat
};
using GroupKey = std::pair<WorkflowId, std::string>;

/// How long the last few jobs of a family ran, in milliseconds, by when they succeeded.
using Durations = std::map<std::pair<UnixMs, JobId>, std::int64_t>;
inline constexpr std::size_t kDurationsKept = 8;

struct Index {
  std::set<JobId> live;                         ///< not terminal
  std::map<Shape, Line> ready;                  ///< queued, due, not held, without unmet needs
  std::set<std::pair<UnixMs, JobId>> delayed;   ///< as ready, but to wait until a time
  std::set<JobId> orphans;                      ///< queued behind a job that cannot succeed
  std::map<JobId, Needs> needs;                 ///< of live jobs that wait, or waited, for others
  std::map<JobId, std::vector<JobId>> waiters;  ///< of live jobs: who comes after them
  std::map<JobId, std::vector<JobId>> end_waiters;  ///< of live jobs: who only waits for their end
  /// Of jobs that have not ended: who waits for a checkpoint of theirs, by its step.
  std::map<JobId, std::set<std::pair<std::uint64_t, JobId>>> commit_waiters;
  std::map<GroupKey, Group> groups;
  std::map<std::size_t, std::vector<JobId>> template_waiters;  ///< who comes after all instances
  std::map<JobId, std::vector<std::size_t>> templates_by_source;
  std::map<AgentId, std::set<JobId>> held;  ///< jobs on each agent
  std::map<AgentId, int> held_slots;
  std::map<int, int> holders_at;                         ///< jobs that hold slots, by priority
  std::map<WorkflowId, int> slots_of;                    ///< that jobs of a workflow hold
  std::map<JobId, std::size_t> template_of;              ///< of instances
  std::unordered_map<std::string, Durations> durations;  ///< of jobs that succeeded, by family
  std::map<int, std::set<AgentId>> free;                 ///< connected agents by their free slots
  std::map<AgentId, int> free_of;                        ///< where each stands in `free`
  std::set<std::pair<UnixMs, AgentId>> ends;    ///< of connected agents whose allocation has an end
  std::map<AgentId, UnixMs> end_of;             ///< where each stands in `ends`
  std::set<std::pair<UnixMs, AgentId>> probes;  ///< drained agents, by when they may be tried
  std::map<AgentId, UnixMs> probe_of;           ///< where each stands in `probes`
  std::map<AgentId, UnixMs> good_at;            ///< when an attempt there last got on or ended well
  std::map<std::string, WorkflowId> tokens;     ///< also of archived workflows
  std::map<WorkflowId, std::vector<JobId>> jobs_of;
  std::map<WorkflowId, std::size_t> live_of;     ///< live jobs of workflows that have some
  std::set<std::pair<UnixMs, WorkflowId>> over;  ///< workflows without, by their last end
  std::map<WorkflowId, UnixMs> over_since;       ///< where each stands in `over`
  std::map<WorkflowId, std::vector<std::string>> results_of;  ///< keys that a workflow reported
};

namespace index {
/// After `job` was put into State::jobs, as queued.
void add_job(State& state, const Job& job);
/// Before and after the state of `job` changes.
void leave(State& state, const Job& job);
void enter(State& state, const Job& job);
/// A new instance of a template that others wait for.
void add_instance(State& state, std::size_t pattern, JobId instance);
/// A checkpoint of `job` became known.
void note_commit(State& state, const Job& job);
/// The live attempt of `job` got on, and so did the agents that it runs on.
void note_progress(State& state, const Job& job);
/// The newest attempt of `job` has its outcome.
void note_end(State& state, const Job& job);
/// What the two have told of all attempts of `job`, after it was read.
void note_attempts(State& state, const Job& job);
/// After slots, connection or health of an agent changed.
void update_agent(State& state, const AgentId& agent);
/// Moves jobs whose time has come from `delayed` to `ready`.
void wake(State& state, UnixMs now_ms);
/// After a job that had ended was made queued again.
void revive(State& state, const Job& job);
/// `workflow` reported the result of this key.
void add_result(State& state, const std::string& key, WorkflowId workflow);
/// Before a workflow without live jobs, and these jobs of it, leave the state.
void forget(State& state, const Workflow& workflow, const std::vector<JobId>& jobs);

}  // namespace index

}  // namespace tagalign::core
