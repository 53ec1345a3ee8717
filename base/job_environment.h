/// Variables by which a launcher tells a process what it is part of.
///
/// Who starts a job from within another must not hand them on: mpirun takes them for its own
/// ("mpirun does not support recursive calls"), srun and sbatch take them for options. What a site or
/// a user sets for all jobs is none of them. Pure; by the names alone.
#pragma once

#include <string_view>

namespace tagalign {

/// Of a running MPI job: what Open MPI's mpirun, PRRTE, Hydra or the PMI of srun gives to a rank, and
/// how that job's ranks are dealt out to nodes. Not OMPI_MCA_btl and its like.
bool is_of_mpi_job(std::string_view name);

/// Of a running step of Slurm: which task this is, and what srun reads as options of the next step.
bool is_of_slurm_step(std::string_view name);

/// Of a running job of Slurm, its steps included. Not what says which Slurm to talk to (SLURM_CONF,
/// SLURM_CLUSTERS) and how (SLURM_TIME_FORMAT, SLURM_JWT).
bool is_of_slurm_job(std::string_view name);

}  // namespace tagalign
