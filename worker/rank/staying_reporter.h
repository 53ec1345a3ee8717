/// A reporter whose process can do another job after its own: that of a rank under an agent.
#pragma once

#include <optional>
#include <string>

#include "coordinator/wire/next_job.h"
#include "worker/rank/reporter.h"

namespace tagalign::jobs {

class StayingReporter : public Reporter {
 public:
  /// The farewell of a job that ended well. Returns when there is another, however long that takes:
  /// the agent ends the process when there is none. nullopt: the agent did not hear the farewell, and
  /// the process shall end.
  virtual std::optional<wire::NextJob> farewell_and_stay(const std::string& reason) = 0;
};

}  // namespace tagalign::jobs
