/// Exit codes of both programs; scripts and Slurm depend on them, so numbers never change meaning.
#pragma once

namespace tagalign {

enum class ExitCode : int {
  kOk = 0,
  kJobFailed = 1,
  kUsage = 2,
  kTimeout = 3,
  kCoordinatorUnreachable = 4,
  kRequeue = 75,       ///< left on request, with a checkpoint where it could; start again
  kPeerLost = 76,      ///< another rank of the gang is gone; the fault is not here
  kDoNotRequeue = 93,  ///< starting again cannot help
};

constexpr int to_int(ExitCode code) {
  return static_cast<int>(code);
}

}  // namespace tagalign
