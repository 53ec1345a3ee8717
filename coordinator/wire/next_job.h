/// What an agent says to a rank whose attempt is over and whose process lives: the attempt that it is
/// of from now on. A kind of its own: all that ToRank says is about the attempt that the rank is of.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/status.h"
#include "coordinator/wire/transport.h"

namespace tagalign::wire {

struct NextJob {
  JobId job;
  Attempt attempt;
  std::string log_folder;
  std::string config;  ///< the file
  std::vector<std::string> overrides;
  bool operator==(const NextJob&) const = default;
};

Frame make_frame(const NextJob& next);
/// kDataLoss as all decoders (codec.h).
Result<NextJob> decode_next_job(std::string_view body);

}  // namespace tagalign::wire
