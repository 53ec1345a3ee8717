/// The part of the list of stored fields (stored_fields.h) that speaks of pools, all since format
/// 4. Private to coordinator/store.
#pragma once

#include <type_traits>

#include "coordinator/core/facts.h"
#include "coordinator/store/tagged.h"

namespace tagalign {

/// S or const S.
template <class T, class S>
concept IsPool = std::is_same_v<std::remove_const_t<T>, S>;

namespace wire {

template <class F, IsPool<SlurmSource> T>
void fields(F& f, T& s) {
  f(1, s.partition);
  f(2, s.account);
  f(3, s.nodes);
  f(4, s.gpus_per_node);
  f(5, s.cpus_per_node);
  f(6, s.time_limit_s);
  f(7, s.signal_before_end_s);
  f(8, s.sbatch_args);
  f(9, s.backlog);
  f(10, s.max);
  f(11, s.idle_ms);
}
template <class F, IsPool<SshHost> T>
void fields(F& f, T& s) {
  f(1, s.host);
  f(2, s.slots);
}
template <class F, IsPool<SshSource> T>
void fields(F& f, T& s) {
  f(1, s.hosts);
  f(2, s.state);
  f(3, s.program);
}
template <class F, IsPool<PoolSpec> T>
void fields(F& f, T& s) {
  f(1, s.name);
  f(2, s.launcher);
  f(3, s.source);
}

}  // namespace wire

namespace core {

/// Refuses numbers that name no stage.
inline void get(std::string_view bytes, AllocationStage& value) {
  std::uint8_t number = 0;
  store::get(bytes, number);
  value = static_cast<AllocationStage>(number);
  if (value < AllocationStage::kAsked || value > AllocationStage::kRunning) {
    throw store::TaggedError(format("{} names no stage of an allocation", number));
  }
}
/// Refuses numbers that name no mode.
inline void get(std::string_view bytes, PoolMode& value) {
  std::uint8_t number = 0;
  store::get(bytes, number);
  value = static_cast<PoolMode>(number);
  if (value < PoolMode::kOpen || value > PoolMode::kRemoving) {
    throw store::TaggedError(format("{} names no mode of a pool", number));
  }
}

template <class F, IsPool<Allocation> T>
void fields(F& f, T& s) {
  f(1, s.token);
  f(2, s.number);
  f(3, s.stage);
  f(4, s.slurm_state);
  f(5, s.reason);
  f(6, s.nodes);
  f(7, s.asked_ms);
  f(8, s.started_ms);
  f(9, s.ends_ms);
  f(10, s.restarts);
  f(11, s.joined);
  f(12, s.leaving_ms);
  f(13, s.leaving_why);
  f(14, s.failures);
  f(15, s.not_before_ms);
}
template <class F, IsPool<PoolEvent> T>
void fields(F& f, T& s) {
  f(1, s.at_ms);
  f(2, s.text);
}
template <class F, IsPool<PoolRecord> T>
void fields(F& f, T& s) {
  f(1, s.spec);
  f(2, s.added_ms);
  f(3, s.mode);
  f(4, s.mode_reason);
  f(5, s.failures);
  f(6, s.not_before_ms);
  f(7, s.last_failure);
  f(8, s.allocations);
  f(9, s.events);
}
template <class F, IsPool<PoolAdded> T>
void fields(F& f, T& s) {
  f(1, s.spec);
}
template <class F, IsPool<PoolModeSet> T>
void fields(F& f, T& s) {
  f(1, s.pool);
  f(2, s.mode);
  f(3, s.reason);
}
template <class F, IsPool<PoolErased> T>
void fields(F& f, T& s) {
  f(1, s.pool);
}
template <class F, IsPool<PoolNoted> T>
void fields(F& f, T& s) {
  f(1, s.pool);
  f(2, s.text);
  f(3, s.drops_oldest);
}
template <class F, IsPool<PoolDelayed> T>
void fields(F& f, T& s) {
  f(1, s.pool);
  f(2, s.failures);
  f(3, s.not_before_ms);
  f(4, s.why);
}
template <class F, IsPool<TokenGiven> T>
void fields(F& f, T& s) {
  f(1, s.tokens);
}
template <class F, IsPool<AllocationSet> T>
void fields(F& f, T& s) {
  f(1, s.pool);
  f(2, s.allocation);
}
template <class F, IsPool<AllocationGone> T>
void fields(F& f, T& s) {
  f(1, s.pool);
  f(2, s.token);
}

}  // namespace core
}  // namespace tagalign
