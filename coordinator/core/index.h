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
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"

namespace tagalign::core {

struct State;
struct Job;

/// How far a live job is from being placed.
struct Needs {
  int unmet = 0;   ///< jobs it comes after that have not succeeded, once for each mention
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

struct Index {
  std::set<JobId> live;                         ///< not terminal
  std::map<Shape, std::set<JobId>> ready;       ///< queued, due and without unmet needs
  std::set<std::pair<UnixMs, JobId>> delayed;   ///< as ready, but to wait until a time
  std::set<JobId> orphans;                      ///< queued behind a job that cannot succeed
  std::map<JobId, Needs> needs;                 ///< of live jobs
  std::map<JobId, std::vector<JobId>> waiters;  ///< of live jobs: who comes after them
  std::map<std::size_t, std::vector<JobId>> template_waiters;  ///< who comes after all instances
  std::map<JobId, std::vector<std::size_t>> templates_by_source;
  std::map<AgentId, std::set<JobId>> held;  ///< jobs on each agent
  std::map<AgentId, int> held_slots;
  std::map<int, std::set<AgentId>> free;      ///< connected agents by their free slots
  std::map<AgentId, int> free_of;             ///< where each stands in `free`
  std::set<std::pair<UnixMs, AgentId>> ends;  ///< of connected agents whose allocation has an end
  std::map<AgentId, UnixMs> end_of;           ///< where each stands in `ends`
  std::map<std::string, WorkflowId> tokens;
  std::map<WorkflowId, std::vector<JobId>> jobs_of;
};

namespace index {
/// After `job` was put into State::jobs, as queued.
void add_job(State& state, const Job& job);
/// Before and after the state of `job` changes.
void leave(State& state, const Job& job);
void enter(State& state, const Job& job);
/// A new instance of a template that others wait for.
void add_instance(State& state, std::size_t pattern, JobId instance);
/// After slots or connection of an agent changed.
void update_agent(State& state, const AgentId& agent);
/// Moves jobs whose time has come from `delayed` to `ready`.
void wake(State& state, UnixMs now_ms);
}  // namespace index

}  // namespace tagalign::core
