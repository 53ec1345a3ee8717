/// Both losses as one rank of a group computes them, forward and backward, through the product's
/// own gather and averaging. The group decides what carries it: threads of this process, or MPI.
#pragma once

#include <string>

#include "base/status.h"
#include "tests/golden/check/folder.h"
#include "worker/collectives/collective_group.h"

namespace tagalign::golden {

/// A row of losses.json.
struct LossCase {
  int ranks = 1;
  std::int64_t batch_per_rank = 0;
  double cl_logit_scale = 0, ce_logit_scale = 0;
};
LossCase loss_case(const Json& info);

/// What rank group.rank() gets, by the case file's names ("rank0.total.grad_projection.averaged").
/// `inputs` are the case file's tensors. Collective.
Result<Tensors> compute_losses(const Tensors& inputs, const LossCase& info,
                               collectives::CollectiveGroup& group);

/// Of all ranks, each a thread of this process.
Result<Tensors> losses_on_threads(const Tensors& inputs, const LossCase& info);

/// Of all ranks, each a process that mpirun starts from this program with kLossesRank. `inputs` is
/// the case file, `scratch` an empty folder. kNotFound without mpirun.
Result<Tensors> losses_on_mpi(const Path& inputs, const Json& info, const Path& scratch);

/// First argument of such a process; losses_rank_main is its main: kLossesRank CASE_FILE JSON
/// FOLDER. It writes FOLDER/rankR.safetensors.
inline constexpr char kLossesRank[] = "losses-rank";
int losses_rank_main(int argc, char** argv);

}  // namespace tagalign::golden
