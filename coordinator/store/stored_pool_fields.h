/// The part of the list of stored fields (stored_fields.h) that speaks of pools: all of them since
/// format 4. Private to coordinator/store.
#pragma once

#include <type_traits>

#include "coordinator/core/facts.h"
#include "coordinator/store/tagged.h"

namespace tagalign {

namespace wire {

template <class F, tagalign::Is<SlurmSource> T>
void fields(F& f, T& s) {
  f(1, "partition", s.partition);
  f(2, "account", s.account);
  f(3, "nodes", s.nodes);
  f(4, "gpus_per_node", s.gpus_per_node);
  f(5, "cpus_per_node", s.cpus_per_node);
  f(6, "time_limit_s", s.time_limit_s);
  f(7, "signal_before_end_s", s.signal_before_end_s);
  f(8, "sbatch_args", s.sbatch_args);
  f(9, "backlog", s.backlog);
  f(10, "max", s.max);
  f(11, "idle_ms", s.idle_ms);
}
template <class F, tagalign::Is<SshHost> T>
void fields(F& f, T& s) {
  f(1, "host", s.host);
  f(2, "slots", s.slots);
}
template <class F, tagalign::Is<SshSource> T>
void fields(F& f, T& s) {
  f(1, "hosts", s.hosts);
  f(2, "state", s.state);
  f(3, "program", s.program);
}
template <class F, tagalign::Is<PoolSpec> T>
void fields(F& f, T& s) {
  f(1, "name", s.name);
  f(2, "launcher", s.launcher);
  f(3, "source", s.source);
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

template <class F, tagalign::Is<Allocation> T>
void fields(F& f, T& s) {
  f(1, "token", s.token);
  f(2, "number", s.number);
  f(3, "stage", s.stage);
  f(4, "slurm_state", s.slurm_state);
  f(5, "reason", s.reason);
  f(6, "nodes", s.nodes);
  f(7, "asked_ms", s.asked_ms);
  f(8, "started_ms", s.started_ms);
  f(9, "ends_ms", s.ends_ms);
  f(10, "restarts", s.restarts);
  f(11, "joined", s.joined);
  f(12, "leaving_ms", s.leaving_ms);
  f(13, "leaving_why", s.leaving_why);
  f(14, "failures", s.failures);
  f(15, "not_before_ms", s.not_before_ms);
}
template <class F, tagalign::Is<PoolEvent> T>
void fields(F& f, T& s) {
  f(1, "at_ms", s.at_ms);
  f(2, "text", s.text);
}
template <class F, tagalign::Is<PoolRecord> T>
void fields(F& f, T& s) {
  f(1, "spec", s.spec);
  f(2, "added_ms", s.added_ms);
  f(3, "mode", s.mode);
  f(4, "mode_reason", s.mode_reason);
  f(5, "failures", s.failures);
  f(6, "not_before_ms", s.not_before_ms);
  f(7, "last_failure", s.last_failure);
  f(8, "allocations", s.allocations);
  f(9, "events", s.events);
}
template <class F, tagalign::Is<PoolAdded> T>
void fields(F& f, T& s) {
  f(1, "spec", s.spec);
}
template <class F, tagalign::Is<PoolModeSet> T>
void fields(F& f, T& s) {
  f(1, "pool", s.pool);
  f(2, "mode", s.mode);
  f(3, "reason", s.reason);
}
template <class F, tagalign::Is<PoolErased> T>
void fields(F& f, T& s) {
  f(1, "pool", s.pool);
}
template <class F, tagalign::Is<PoolNoted> T>
void fields(F& f, T& s) {
  f(1, "pool", s.pool);
  f(2, "text", s.text);
  f(3, "drops_oldest", s.drops_oldest);
}
template <class F, tagalign::Is<PoolDelayed> T>
void fields(F& f, T& s) {
  f(1, "pool", s.pool);
  f(2, "failures", s.failures);
  f(3, "not_before_ms", s.not_before_ms);
  f(4, "why", s.why);
}
template <class F, tagalign::Is<TokenGiven> T>
void fields(F& f, T& s) {
  f(1, "tokens", s.tokens);
}
template <class F, tagalign::Is<AllocationSet> T>
void fields(F& f, T& s) {
  f(1, "pool", s.pool);
  f(2, "allocation", s.allocation);
}
template <class F, tagalign::Is<AllocationGone> T>
void fields(F& f, T& s) {
  f(1, "pool", s.pool);
  f(2, "token", s.token);
}

}  // namespace core
}  // namespace tagalign
