/// The program `tagalign` apart from main().
#pragma once

#include <string>
#include <vector>

#include "coordinator/cli/host/host.h"

namespace tagalign::cli {

/// Parses, runs one command, and returns the exit code of base/exit_codes.h. `arguments`
/// without the program's name.
int run_cli(const std::vector<std::string>& arguments, Host& host);

/// The code that a script sees for an error: unreachable 4, time-out 3, bad input and
/// refusals 2, else 1.
int exit_code_of(const Status& status);

}  // namespace tagalign::cli
