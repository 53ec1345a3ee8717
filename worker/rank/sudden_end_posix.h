/// What a rank says when it cannot get back to main: an exception that nothing catches, or a broken
/// expectation (TA_CHECK). One for the process.
///
/// Without it such an end is seen from outside alone, as a signal, and the reason stands only in a log.
/// What cannot speak any more, a crash or an exit by a library, leaves a note (coordinator/wire/end_note.h).
#pragma once

#include "worker/rank/reporter.h"

namespace tagalign::jobs {

/// From now on such an end is told to `reporter`, as a failure of the program, and the process leaves
/// with ExitCode::kJobFailed; so it does after 10 s when the reporter cannot be reached.
/// Borrows the reporter until forget_sudden_end(). `note`: the file that a crash leaves behind, in
/// a folder that is there; empty: none.
void report_sudden_end(Reporter& reporter, const std::string& note = {});
void forget_sudden_end();

}  // namespace tagalign::jobs
