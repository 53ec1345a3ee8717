/// The stacks of all threads of this process as text, taken while they run, loop or wait.
///
/// Every thread is sent a signal whose handler notes its return addresses; names are looked up
/// afterwards, by the caller. A thread that does not answer (it waits in the kernel for a disk) is
/// told by its state, and by the system call that it is in.
#pragma once

#include <string>

namespace tagalign::jobs {

/// Once, before threads are started: the first walk of a stack loads a library.
void prepare_stacks();
/// One caller at a time; the caller's own thread is left out. At most half a second.
std::string stacks_of_other_threads();

}  // namespace tagalign::jobs
