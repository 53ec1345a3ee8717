/// Room that is kept for the first job in line that finds none, so that smaller ones behind it use what
/// is free without delaying it (EASY backfill; Mu'alem and Feitelson, IEEE TPDS 12(6), 2001). Pure.
#pragma once

#include <optional>
#include <set>
#include <vector>

#include "coordinator/core/core.h"

namespace tagalign::core {

struct Reservation {
  JobId job;
  std::set<AgentId> agents;     ///< that it will get
  std::optional<UnixMs> at_ms;  ///< when they are expected to be free; nullopt: nobody knows
};

/// nullopt: not even all connected agents together hold the job.
std::optional<Reservation> reserve(const State& state, const Job& job, UnixMs now_ms);

/// May `job` start on an agent that is kept? It may when it is expected to be over by then.
bool ends_in_time(const State& state, const Policy& policy, const Reservation& kept, const Job& job,
                  UnixMs now_ms);

/// The first of each shape's ready jobs, in the order in which they shall start.
std::vector<const Job*> first_in_line(const State& state);

/// What is kept now, and for whom. Only of use where a job is ready that could start instead.
std::optional<Reservation> kept_room(const State& state, const Policy& policy, UnixMs now_ms);

}  // namespace tagalign::core
