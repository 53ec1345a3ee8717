/// The one list of the fields of each struct of pool_messages.h, as in fields.h.
#pragma once

#include "coordinator/wire/fields.h"
#include "coordinator/wire/pool_messages.h"

namespace tagalign::wire {

template <class V, Is<SlurmSource> M>
void visit_fields(V&& visit, M& m) {
  visit("partition", m.partition);
  visit("account", m.account);
  visit("nodes", m.nodes);
  visit("gpus_per_node", m.gpus_per_node);
  visit("cpus_per_node", m.cpus_per_node);
  visit("time_limit_s", m.time_limit_s);
  visit("signal_before_end_s", m.signal_before_end_s);
  visit("sbatch_args", m.sbatch_args);
  visit("backlog", m.backlog);
  visit("max", m.max);
  visit("idle_ms", m.idle_ms);
}

template <class V, Is<SshHost> M>
void visit_fields(V&& visit, M& m) {
  visit("host", m.host);
  visit("slots", m.slots);
}

template <class V, Is<SshSource> M>
void visit_fields(V&& visit, M& m) {
  visit("hosts", m.hosts);
  visit("state", m.state);
  visit("program", m.program);
}

template <class V, Is<PoolSpec> M>
void visit_fields(V&& visit, M& m) {
  visit("name", m.name);
  visit("launcher", m.launcher);
  visit("source", m.source);
}

template <class V, Is<PoolAddRequest> M>
void visit_fields(V&& visit, M& m) {
  visit("spec", m.spec);
}

template <class V, Is<PoolsRequest> M>
void visit_fields(V&& visit, M& m) {
  visit("name", m.name);
}

template <class V, Is<PoolVerbRequest> M>
void visit_fields(V&& visit, M& m) {
  visit("name", m.name);
  visit("verb", m.verb);
}

template <class V, Is<AllocationSummary> M>
void visit_fields(V&& visit, M& m) {
  visit("name", m.name);
  visit("number", m.number);
  visit("state", m.state);
  visit("reason", m.reason);
  visit("nodes", m.nodes);
  visit("agents", m.agents);
  visit("asked_ms", m.asked_ms);
  visit("started_ms", m.started_ms);
  visit("ends_ms", m.ends_ms);
  visit("restarts", m.restarts);
}

template <class V, Is<PoolEventRow> M>
void visit_fields(V&& visit, M& m) {
  visit("at_ms", m.at_ms);
  visit("text", m.text);
}

template <class V, Is<PoolSummary> M>
void visit_fields(V&& visit, M& m) {
  visit("spec", m.spec);
  visit("state", m.state);
  visit("reason", m.reason);
  visit("agents", m.agents);
  visit("slots", m.slots);
  visit("added_ms", m.added_ms);
  visit("allocations", m.allocations);
  visit("events", m.events);
}

template <class V, Is<PoolsReply> M>
void visit_fields(V&& visit, M& m) {
  visit("pools", m.pools);
  visit("notices", m.notices);
}

}  // namespace tagalign::wire
