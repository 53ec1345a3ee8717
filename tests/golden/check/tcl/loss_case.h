/// The losses of TCL as one rank of a group computes them, forward and backward, through the
/// product's own gather and averaging.
#pragma once

#include "base/status.h"
#include "tests/golden/check/folder.h"

namespace tagalign::golden::tcl {

/// What all ranks get, each a thread of this process, by the case file's names
/// ("rank0.tclf_loss.grad_w.averaged"). `inputs` are the case file's tensors, `info` its row of
/// losses.json and `weights` the weights there.
Result<Tensors> losses_on_threads(const Tensors& inputs, const Json& info, const Json& weights);

/// The feature loss of each rank under the pairing that a training uses, averaged over the ranks,
/// minus that of one rank on the joined batch, of hard masks.
Result<double> pairing_difference(const Tensors& inputs, const Json& info, const Json& weights);

}  // namespace tagalign::golden::tcl
