/// The stacks of a process that does not write them down itself: it takes no signal, or what would
/// write them waits too. Taken by a debugger of this machine, where there is one and the kernel lets it.
#pragma once

#include <optional>

#include "base/file_system.h"

namespace tagalign::agent {

/// gdb, or eu-stack of elfutils; nullopt where PATH has neither.
std::optional<Path> find_debugger();

/// Starts it on `pid`; what it says, a refusal of the kernel included, is appended to `into`. It ends
/// by itself, after kDebuggerMs at the latest, and is reaped as an orphan. False when it did not start.
bool start_debugger(int pid, const Path& into);

}  // namespace tagalign::agent
