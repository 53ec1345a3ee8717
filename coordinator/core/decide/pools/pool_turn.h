/// What the rules of pools share. Private to coordinator/core/decide/pools.
#pragma once

#include <string>

#include "coordinator/core/decide/turn.h"

namespace tagalign::core {

inline PoolRecord& record_of(Turn& turn, const std::string& pool) {
  return turn.state.pool_records.at(pool);
}
inline const wire::SlurmSource* slurm_of(const PoolRecord& pool) {
  return std::get_if<wire::SlurmSource>(&pool.spec.source);
}
/// "tagalign-a100-17 (Slurm job 4711)", or the host of an ssh pool.
std::string label(const PoolRecord& pool, const Allocation& allocation);

// pools.cpp
/// Into the pool's events, of which the oldest goes when there are too many.
void note(Turn& turn, const std::string& pool, std::string text);
/// Records `allocation` unless that is how it is known.
void set(Turn& turn, const std::string& pool, const Allocation& allocation);
/// Asks its agents to leave, and lets nothing be placed on them. Once for each allocation.
void leave(Turn& turn, const std::string& pool, Allocation allocation, std::string why);
/// Tells agents that stay, once more when the first word may have been lost with its connection.
void repeat_shutdown(Turn& turn, const PoolRecord& pool, const Allocation& allocation);
/// How long its agents may take to save and leave.
std::int64_t working_leave_ms(const Turn& turn, const PoolRecord& pool,
                              const Allocation& allocation);
/// One more refused or dead allocation in a row: longer back-off, and at last a pause.
void count_failure(Turn& turn, const std::string& pool, const std::string& why);
/// How long to wait after that many failures in a row.
std::int64_t back_off_ms(const PoolPolicy& policy, int failures);
void pause(Turn& turn, const std::string& pool, std::string why);
/// An agent said hello: failures count anew.
void count_success(Turn& turn, const std::string& pool);

// answers.cpp
/// The allocation has ended; one that no agent joined has died.
void close(Turn& turn, const std::string& pool, const Allocation& allocation,
           const std::string& how);

// calls.cpp
/// Queued jobs that wait for nothing but slots and that the pool could serve, counted up to `most`.
int waiting_jobs(const State& state, const PoolRecord& pool, int most);
/// Makes the next call of Slurm, when none is on its way: squeue when it is due, else what shall
/// end, else what is wanted, else what has vanished.
void call_slurm(Turn& turn);
/// Slurm has something to say to this coordinator: there is a pool of it, or was one lately.
bool needs_slurm(const PoolMemory& memory, const State& state);

// ssh.cpp
void tend_ssh(Turn& turn, const std::string& pool);

}  // namespace tagalign::core
