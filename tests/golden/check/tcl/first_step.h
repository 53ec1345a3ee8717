/// What happens inside the first step of a run: the fixtures' "rankR.first.…".
#pragma once

#include <string>

#include "tests/golden/check/report.h"
#include "tests/golden/check/tcl/training_run.h"

namespace tagalign::golden::tcl {

/// Lines for the intermediates of every rank's first step, and for the gradients of the total loss
/// with respect to them.
void check_first_step(Report& report, const std::string& run, const TrainingInputs& inputs,
                      const RunPlan& plan, TensorFile& golden);

}  // namespace tagalign::golden::tcl
