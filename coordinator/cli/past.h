/// The past as it lies on this machine's disks: binds store and replay to the command line.
#pragma once

#include "coordinator/cli/host/past.h"

namespace tagalign::cli {

Past past_of_this_machine();

}  // namespace tagalign::cli
