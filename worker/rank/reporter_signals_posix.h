/// Signals of a rank, translated into what the program asks for. Process-wide.
#pragma once

#include <optional>
#include <string>

namespace tagalign::jobs {

/// SIGTERM, SIGUSR1 (what Slurm sends ahead of the time limit) and SIGUSR2 become a stop request.
void catch_stop_signals();
/// "signal 10 (SIGUSR1)" once one has come; stays set.
std::optional<std::string> stop_signal_received();

/// The rank shall not outlive mpirun: SIGKILL when the thread that started it ends.
void die_with_launcher();

}  // namespace tagalign::jobs
