/// MPI for the length of a process: started once, ended once, with or without mpirun.
#pragma once

#include <cstdint>
#include <memory>

#include "base/status.h"
#include "worker/collectives/collective_group.h"

namespace tagalign::collectives {

/// Owns MPI's lifetime. One per process, made by main() before threads; a program that was not
/// started by mpirun gets a world of one rank. The destructor finalises MPI, unless a group failed:
/// finalising waits for all ranks, and those may be gone. mpirun then sees a rank that left without
/// farewell and ends the others.
class MpiEnvironment {
 public:
  /// kUnavailable when MPI does not start.
  static Result<std::unique_ptr<MpiEnvironment>> start();
  ~MpiEnvironment();
  MpiEnvironment(const MpiEnvironment&) = delete;
  MpiEnvironment& operator=(const MpiEnvironment&) = delete;

  int rank() const { return rank_; }
  int world() const { return world_; }
  /// Position among the ranks on this machine: chooses the GPU.
  int local_rank() const { return local_rank_; }

 private:
  MpiEnvironment() = default;
  int rank_ = 0;
  int world_ = 1;
  int local_rank_ = 0;
};

/// A seat among all ranks of the environment, which must outlive it; collective. Host memory. A
/// collective that takes longer than `timeout_ms` fails with kTimeout. Collectives work on the
/// group's own buffers, so that an unfinished one never touches the caller's memory after its
/// return. all_reduce_sum adds in rank order: its bits equal those of make_thread_groups() and
/// depend on the world size alone.
Result<std::unique_ptr<CollectiveGroup>> make_mpi_group(const MpiEnvironment& environment,
                                                        std::int64_t timeout_ms);

}  // namespace tagalign::collectives
