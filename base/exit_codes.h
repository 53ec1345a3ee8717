/// Exit codes of both programs; scripts and Slurm depend on them, so numbers never change meaning.
#pragma once

#include <csignal>

namespace tagalign {

enum class ExitCode : int {
  kOk = 0,
  kJobFailed = 1,
  kUsage = 2,
  kTimeout = 3,
  kCoordinatorUnreachable = 4,
  kPlaceFailed = 74,   ///< disk full, storage or machine in trouble; the program is not to blame
  kRequeue = 75,       ///< left on request, with a checkpoint where it could; start again
  kPeerLost = 76,      ///< another rank of the gang is gone; the fault is not here
  kDoNotRequeue = 93,  ///< starting again cannot help
};

constexpr int to_int(ExitCode code) {
  return static_cast<int>(code);
}

/// Launchers and shells pass on a signal as 128 + signal; 0 when the code stands for none.
constexpr int signal_of_code(int code) {
  constexpr int kBase = 128;
  constexpr int kSignalMax = 64;
  return code > kBase && code <= kBase + kSignalMax ? code - kBase : 0;
}

/// Signals that a process brings upon itself.
constexpr bool is_crash(int signal) {
  return signal == SIGSEGV || signal == SIGABRT || signal == SIGFPE || signal == SIGBUS ||
         signal == SIGILL || signal == SIGSYS;
}

}  // namespace tagalign
