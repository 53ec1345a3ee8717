/// What is known on a node of a gang that does not get on, as text for people.
#pragma once

#include <string>

#include "worker/agent/gangs/gang.h"
#include "worker/agent/gangs/process_host.h"

namespace tagalign::agent {

/// Requires that the gang has a cause to end. Why it is ended, what its ranks said last, and their
/// processes as the kernel shows them.
std::string hang_text(const Gang& gang, ProcessHost& processes);

}  // namespace tagalign::agent
