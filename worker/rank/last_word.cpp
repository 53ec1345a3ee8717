#include "worker/rank/last_word.h"

#include "base/format.h"

namespace tagalign::jobs {

ExitCode code_of(const Status& failure) {
  if (failure.is_of_the_place()) return ExitCode::kPlaceFailed;
  switch (failure.code()) {
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kUnsupported:
      return ExitCode::kDoNotRequeue;
    case ErrorCode::kPeerLost:
      return ExitCode::kPeerLost;
    default:
      return ExitCode::kJobFailed;
  }
}

std::string reason_of(const Status& failure) {
  if (!failure.is_of_the_place()) return failure.message();
  const bool full = failure.code() == ErrorCode::kNoSpace;
  return format("{}; {}, and the job goes on", failure.message(),
                full ? "free space there" : "not the program's fault: mend that");
}

}  // namespace tagalign::jobs
