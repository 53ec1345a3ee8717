/// The state as text. Written by hand, for people; a test changes each stored field and looks here.
#include <numeric>
#include <vector>

#include "base/format.h"
#include "coordinator/core/pools/dump.h"
#include "coordinator/core/state.h"
#include "coordinator/wire/settings.h"

namespace tagalign::core {
namespace {

struct StateText {
  std::string operator()(const Queued& s) const {
    return format("since={} not_before={}", s.since_ms, s.not_before_ms);
  }
  std::string operator()(const Starting& s) const {
    return format("agent={} since={}", s.agent.value, s.since_ms);
  }
  std::string operator()(const Running& s) const {
    return format("agent={} since={}", s.agent.value, s.since_ms);
  }
  std::string operator()(const Saving& s) const {
    return format("agent={} since={} reason='{}' kill_asked={} started={}{}", s.agent.value,
                  s.since_ms, s.reason, s.kill_asked, s.started, s.comes_back ? " comes_back" : "");
  }
  std::string operator()(const Succeeded& s) const { return format("at={}", s.at_ms); }
  std::string operator()(const Failed& s) const {
    return format("at={} reason='{}'", s.at_ms, s.reason);
  }
  std::string operator()(const Cancelled& s) const {
    return format("at={} reason='{}'{}", s.at_ms, s.reason, s.overtaken ? " overtaken" : "");
  }
};

template <class Items, class Print>
std::string join(const Items& items, Print print) {
  std::string text;
  for (const auto& item : items) text += (text.empty() ? "" : ",") + print(item);
  return "[" + text + "]";
}

std::string ids(const std::vector<JobId>& jobs) {
  return join(jobs, [](JobId id) { return std::to_string(id.value); });
}
std::string indices(const std::vector<std::size_t>& numbers) {
  return join(numbers, [](std::size_t number) { return std::to_string(number); });
}
std::string strings(const auto& texts) {
  return join(texts, [](const std::string& text) { return "'" + text + "'"; });
}
template <class T>
std::string numbers(const std::vector<T>& values) {
  return join(values, [](T value) { return std::to_string(value); });
}

std::string settings(const std::vector<wire::Setting>& list) {
  return join(list, [](const wire::Setting& setting) {
    return format("{}{}", wire::shown(setting), setting.of_method ? "" : " (measurement)");
  });
}

std::string nodes_text(const wire::JobSpec& s) {
  if (s.ranks_per_node == 0 && s.nodes_max == 0 && s.pool.empty()) return "";
  return format(" ranks_per_node={} nodes_max={} pool='{}'", s.ranks_per_node, s.nodes_max, s.pool);
}

/// Only what logs before format 5 could not say, so that their text stays as it was.
std::string order_text(const wire::JobSpec& s) {
  std::string text;
  if (s.priority != 0) text += format(" priority={}", s.priority);
  if (s.time_limit_s != 0) text += format(" time_limit={}", s.time_limit_s);
  if (!s.after_any.empty()) text += format(" after_any={}", strings(s.after_any));
  if (s.commits_every != 0) text += format(" commits_every={}", s.commits_every);
  if (s.last_commit) text += " last_commit";
  if (s.newest_only) text += " newest_only";
  for (const wire::CommitNeed& need : s.after_commit)
    text += format(" after_commit='{}'@{}", need.job, need.step);
  if (!s.best_of.empty() || !s.best_dataset.empty())
    text += format(" best_of='{}' on '{}'", s.best_of, s.best_dataset);
  if (!s.group.empty() || s.group_live_max != 0)
    text += format(" group='{}' of {}", s.group, s.group_live_max);
  return text;
}
std::string order_text(const Job& job) {
  std::string text;
  if (!job.after_any.empty()) text += format(" after_any={}", ids(job.after_any));
  if (job.priority != job.spec.priority) text += format(" priority={}", job.priority);
  if (job.time_limit_s != job.spec.time_limit_s) text += format(" time_limit={}", job.time_limit_s);
  if (job.held) text += format(" held='{}'", *job.held);
  for (const CommitWait& wait : job.after_commit)
    text += format(" after_commit={}@{}", wait.job.value, wait.step);
  if (job.seated) text += " seated";
  return text.empty() ? text : " " + text + "\n";
}

/// Empty for zeroes: logs before format 6 have no such times.
std::string times_text(std::string_view what, const wire::PhaseTimes& t) {
  if (t == wire::PhaseTimes{}) return "";
  return format(" {}={},{},{},{},{},{},{},{}", what, t.start, t.load, t.first_step, t.step, t.save,
                t.image, t.wait, t.hang);
}

std::string spec_text(const wire::JobSpec& s) {
  return format(
      "kind={} ranks={} slots_per_rank={} after={} on_commit_of='{}' retries_max={} overrides={} "
      "config='{}'{}{}{}",
      s.kind, s.ranks, s.slots_per_rank, strings(s.after), s.on_commit_of, s.retries_max,
      strings(s.overrides), s.config_yaml, nodes_text(s), order_text(s),
      times_text("deadlines", s.deadlines));
}

/// What a log without shares is taken for.
bool is_whole_gang(const AttemptRecord& r) {
  if (r.shares.size() != 1) return false;
  const wire::Share& share = r.shares.front();
  std::vector<int> slots(share.slots.size());
  std::iota(slots.begin(), slots.end(), 0);
  return share.agent == r.agent && share.first_rank == 0 && share.slots == slots;
}

/// Only what logs before format 4 could not say, so that their text stays as it was.
std::string gang_text(const AttemptRecord& r) {
  std::string text;
  for (const wire::Share& share : r.shares) {
    if (is_whole_gang(r)) continue;
    text += format("    share {} first_rank={} slots={}\n", share.agent.value, share.first_rank,
                   numbers(share.slots));
  }
  if (!r.ran.empty()) {
    text +=
        format("    ran {}\n", join(r.ran, [](const AgentId& id) { return "'" + id.value + "'"; }));
  }
  for (const auto& [agent, command] : r.daemons) {
    text += format("    daemon {} '{}'\n", agent.value, command);
  }
  for (const ShareEnd& end : r.ends) {
    text += format(
        "    end {} outcome={} exit_code={} failed_rank={} last_step={} at={} given_up={} "
        "message='{}'\n",
        end.agent.value, static_cast<int>(end.outcome), end.exit_code, end.failed_rank,
        end.last_step, end.at_ms, end.given_up, end.message);
  }
  if (r.ran_ms != 0) text += format("    ran at={}\n", r.ran_ms);
  if (!r.asked.empty()) text += format("    asked '{}'\n", r.asked);
  const std::string times = times_text("spent", r.spent) + times_text("longest", r.longest);
  if (!times.empty()) text += format("   {}\n", times);
  if (r.launcher != wire::GangLauncher::kMpirun) {
    text += format("    launcher={}\n", static_cast<int>(r.launcher));
  }
  return text;
}

std::string attempt_text(const AttemptRecord& r) {
  return format(
      "  attempt {} agent={} started={} ended={} outcome={} last_step={} message='{}'\n{}",
      r.attempt.value, r.agent.value, r.started_ms, r.ended_ms,
      r.outcome ? std::to_string(static_cast<int>(*r.outcome)) : "none", r.last_step, r.message,
      gang_text(r));
}

std::string job_text(const Job& job) {
  std::string text = format(
      "job {} workflow={} name={} submitted={} state={} {}\n  {}\n  after={} after_templates={} "
      "attempt={} "
      "program_failures={} stalled_failures={} last_failed_step={}\n",
      job.id.value, job.workflow.value, job.spec.name, job.submitted_ms, job_state_name(job.state),
      std::visit(StateText{}, job.state), spec_text(job.spec), ids(job.after),
      indices(job.after_templates), job.attempt.value, job.program_failures, job.stalled_failures,
      job.last_failed_step ? std::to_string(*job.last_failed_step) : "none");
  text += order_text(job);
  for (const AttemptRecord& record : job.attempts) text += attempt_text(record);
  for (const auto& [step, entry] : job.checkpoints) {
    const auto& [info, at_ms] = entry;
    text += format("  checkpoint step={} path={} digest={} scheduled={} at={}\n", info.step,
                   info.path, info.digest, info.scheduled, at_ms);
  }
  for (const std::string& notice : job.notices) text += format("  notice '{}'\n", notice);
  if (job.pace != wire::Pace{}) {
    text += format("  pace start={} step={} save={}{}\n", job.pace.start_ms, job.pace.step_ms,
                   job.pace.save_ms,
                   job.pace.steps_total == 0 ? "" : format(" steps={}", job.pace.steps_total));
  }
  return text;
}

std::string place_text(const wire::AgentPlace& p) {
  return format(
      "  place pool='{}' allocation='{}' node='{}' ends={} socket='{}' launcher={} since={}\n",
      p.pool, p.allocation, p.node, p.ends_ms, p.socket, static_cast<int>(p.launcher), p.since_ms);
}

std::string template_text(const Template& t) {
  return format(
      "template workflow={} name={} {} source={} after={} after_templates={} digests={} "
      "instances={}\n",
      t.workflow.value, t.spec.name, spec_text(t.spec), t.source.value, ids(t.after),
      indices(t.after_templates), strings(t.instantiated), ids(t.instances));
}

std::string health_text(const AgentId& agent, const AgentHealth& h) {
  return format(
      "health {} deaths={} jobs={} first={} last={} '{}' drains={} probe={} on_probe={}\n",
      agent.value, h.deaths, join(h.jobs, [](JobId id) { return std::to_string(id.value); }),
      h.first_ms, h.last_ms, h.last, h.drains, h.probe_ms, h.on_probe);
}

/// Only what logs before format 6 could not say.
std::string repeats_text(const ResultEntry& entry) {
  if (entry.repeats.empty()) return "";
  return format("  repeated by {}\n",
                join(entry.repeats, [](JobId id) { return std::to_string(id.value); }));
}

std::string result_text(const ResultEntry& entry) {
  const wire::EvaluationResult& r = entry.result;
  return format(
      "result {} job={} at={} workflows={} method={} step={} dataset={} dataset_digest={} "
      "weights={} "
      "protocol={} code={} images={} "
      "classes={} intersect={} union={} predicted={} labelled={} average_precision={}\n",
      r.key, entry.job.value, entry.at_ms,
      join(entry.workflows, [](WorkflowId id) { return std::to_string(id.value); }), r.method,
      r.step, r.dataset, r.dataset_digest, r.weights_digest, settings(r.protocol), r.code_version,
      r.images, strings(r.classes), numbers(r.intersect), numbers(r.union_), numbers(r.predicted),
      numbers(r.labelled), numbers(r.average_precision));
}

/// Only what logs before format 6 could not say, so that their text stays as it was.
std::string archive_text(const Archive& archive) {
  std::string text;
  for (const auto& [id, w] : archive.workflows) {
    text += format("archived workflow {} token={} name={} submitted={} ended={} jobs={} held={}\n",
                   id.value, w.token, w.name, w.submitted_ms, w.ended_ms, w.jobs, w.held_ms);
  }
  for (const auto& [key, r] : archive.results) {
    text += format("archived result {} job={} counts={} at={} workflows={}\n", key, r.job.value,
                   r.counts, r.at_ms,
                   join(r.workflows, [](WorkflowId id) { return std::to_string(id.value); }));
  }
  if (archive.last_job != JobId{})
    text += format("archived jobs up to {}\n", archive.last_job.value);
  return text;
}

}  // namespace

std::string dump(const State& state) {
  std::string text = format("now={} dropped_stale={} conflicting_results={}\n", state.now_ms,
                            state.dropped_stale, state.conflicting_results);
  if (state.stopping) {
    text += format("stopping since={} kill_gangs={}\n", state.stopping->since_ms,
                   state.stopping->kill_gangs);
  }
  if (const Capacity& c = state.capacity; c != Capacity{}) {
    text += format("capacity since={} slots={} slot_ms={}\n", c.since_ms, c.slots, c.slot_ms);
  }
  for (const auto& [name, pool] : state.pools) {
    text +=
        format("pool {} agents={} slots_per_agent={}\n", name, pool.agents, pool.slots_per_agent);
  }
  for (const auto& [id, w] : state.workflows) {
    text += format("workflow {} token={} name={} workspace={} submitted={}\n", w.id.value, w.token,
                   w.name, w.workspace, w.submitted_ms);
  }
  for (const auto& [id, job] : state.jobs) text += job_text(job);
  for (const Template& pattern : state.templates) text += template_text(pattern);
  for (const auto& [id, a] : state.agents) {
    text +=
        format("agent {} incarnation={} host={} slots={} gpus={} connected={} last_sequence={}\n",
               a.id.value, a.incarnation, a.host, a.slots, a.gpus, a.connected, a.last_sequence);
    if (a.place != wire::AgentPlace{}) text += place_text(a.place);
  }
  for (const auto& [key, entry] : state.results) text += result_text(entry) + repeats_text(entry);
  for (const auto& [id, health] : state.health) text += health_text(id, health);
  return text + archive_text(state.archive) + dump_pools(state);
}

}  // namespace tagalign::core
