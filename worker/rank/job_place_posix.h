/// Of which attempt this process is, and where that attempt's files lie. A process that stays after
/// an evaluation gets another attempt.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/status.h"
#include "worker/rank/activity.h"
#include "worker/rank/staying_reporter.h"
#include "worker/rank/watched_files.h"

namespace tagalign::jobs {

/// All empty for a rank that runs alone.
struct JobPlace {
  std::string socket;  ///< of the agent
  int agent_pid = 0;
  std::string coordinator;
  JobId job;
  Attempt attempt;
  std::string log_folder;
  bool stays = false;  ///< the process may do another job after this one
};

/// As the agent put it into the environment (worker/agent/gangs/gang_process.cpp).
JobPlace place_from_environment();
JobPlace next_place(JobPlace place, const wire::NextJob& next);

/// Under an agent, everything that this rank prints goes to its own file.
void redirect_output(const JobPlace& place, int rank);
/// Where the agent looks for it (coordinator/wire/end_note.h); empty for a rank that runs alone.
std::string end_note(const JobPlace& place, int rank);

/// What the process knows of itself during one job; outlives that job's reporter.
struct SelfKnowledge {
  Activity activity{system_clock()};
  ReadsInFlight reads;
  std::string reading() const { return reads.waited_for(system_clock().monotonic_ms()); }
};

/// Says the farewell of a job that ended well. The next one, where the process may stay for it.
std::optional<wire::NextJob> say_done(const JobPlace& place, Reporter& reporter);

/// Speaks to the agent, or to the log of a rank that runs alone. Borrows `self`.
Result<std::unique_ptr<Reporter>> make_reporter(const JobPlace& place, int rank,
                                                SelfKnowledge& self);

}  // namespace tagalign::jobs
