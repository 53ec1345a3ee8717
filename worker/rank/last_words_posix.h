/// What a rank says when it cannot get back to main: an exception that nothing catches, a broken
/// expectation (TA_CHECK). Process-wide.
///
/// Without it such an end is seen from outside alone, as a signal, and the reason stands in a log that
/// nobody was told to read.
#pragma once

#include "worker/rank/reporter.h"

namespace tagalign::jobs {

/// From now on such an end is told to `reporter`, as a failure of the program, and the process leaves
/// with ExitCode::kJobFailed; so it does after 10 s when the reporter cannot be reached. Borrows the
/// reporter until forget_last_words().
void speak_last_words(Reporter& reporter);
void forget_last_words();

}  // namespace tagalign::jobs
