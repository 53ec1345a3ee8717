/// A living process as the kernel shows it to whoever may look: for people who ask why it stands still.
#pragma once

#include <string>

namespace tagalign::agent {

/// Lines of text; empty when the process is gone. Opens none of the files that it names: their disk
/// may be what it waits for.
std::string process_report(int pid);

}  // namespace tagalign::agent
