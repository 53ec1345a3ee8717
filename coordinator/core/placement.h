/// Where the ranks of a job would run now: whole ranks on a node, fewest nodes first, never a slot
/// twice. Pure and deterministic: equal states give equal placements.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "coordinator/core/state.h"

namespace tagalign::core {

/// Shares in order of ranks; the first is the head's.
struct Placement {
  std::vector<wire::Share> shares;
  wire::GangLauncher launcher = wire::GangLauncher::kMpirun;
};

/// nullopt while no agents have room that last until `until_ms` at least and are not `avoided`. One
/// agent that holds the whole job goes before several; of these the first by name, so that a job keeps
/// its place. Several are of one pool, and of one allocation where srun starts them; of the pools the
/// one that needs the fewest nodes is taken.
std::optional<Placement> find_room(const State& state, const wire::JobSpec& job, UnixMs until_ms,
                                   const std::set<AgentId>& avoided);

/// The agents that find_room() would take if so many slots were free on each; empty: none.
std::vector<AgentId> agents_with_room(const State& state, const wire::JobSpec& job, UnixMs until_ms,
                                      const std::map<AgentId, int>& free);

/// Whole ranks of the job that one node with so many slots takes; 0: it is too small.
int ranks_on_node(const wire::JobSpec& job, int slots);

/// Ranks that nodes with so many slots hold together, of the largest as many as the job may use; no
/// more than the job has.
int ranks_together(const wire::JobSpec& job, const std::vector<int>& slots_of_nodes);

/// The same of the connected agents of each pool that the job may run in, as if they were empty.
std::map<std::string, int> ranks_in_pools(const State& state, const wire::JobSpec& job);

/// The whole job on `agent`, which has the slots free.
Placement place_on(const State& state, const wire::JobSpec& job, const AgentId& agent);

}  // namespace tagalign::core
