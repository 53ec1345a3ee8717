#include "tests/simulation/checks.h"

#include <algorithm>

#include "base/format.h"
#include "coordinator/core/ledger.h"
#include "coordinator/wire/scores.h"

namespace tagalign::simulation {
namespace {

/// -1: none that was there when `instance` was added.
double score_of(const core::State& state, const std::string& path, const core::Job& instance) {
  const auto entry = state.results.find("checkpoint=" + path);
  if (entry == state.results.end() || entry->second.at_ms > instance.submitted_ms) return -1;
  return wire::mean_iou(entry->second.result).value_or(-1);
}

bool some_succeeded(const core::State& state, const core::Template& pattern) {
  for (const core::Template& other : state.templates) {
    if (other.source != pattern.source || other.spec.name != pattern.spec.best_of) continue;
    return std::ranges::any_of(other.instances, [&](JobId id) {
      return std::holds_alternative<core::Succeeded>(state.jobs.at(id).state);
    });
  }
  return false;
}

/// One, and none that was scored is better; nothing where the training failed.
void check_best(World& world, const core::State& state, const core::Template& pattern) {
  const core::Job& source = state.jobs.at(pattern.source);
  const bool done = std::holds_alternative<core::Succeeded>(source.state);
  if (pattern.instances.empty()) {
    if (done && some_succeeded(state, pattern)) world.violation("no best checkpoint was chosen");
    return;
  }
  if (!done || pattern.instances.size() > 1)
    world.violation("the best checkpoint was evaluated too often");
  ++world.misfortunes["best checkpoint chosen"];
  const core::Job& instance = state.jobs.at(pattern.instances.front());
  double highest = -1;
  std::string best;
  for (const auto& [step, commit] : source.checkpoints) {
    const double score = score_of(state, commit.first.path, instance);
    if (score > highest) best = commit.first.digest;
    highest = std::max(highest, score);
  }
  if (!pattern.instantiated.contains(best)) world.violation("not the best checkpoint was chosen");
}

void check_template(World& world, const core::State& state, const core::Template& pattern) {
  if (!pattern.spec.best_of.empty()) return check_best(world, state, pattern);
  std::set<std::string> exist;
  for (const auto& [step, info] : world.files.jobs[pattern.source].steps) {
    if (info.scheduled) exist.insert(info.digest);
  }
  const auto& steps = world.files.jobs[pattern.source].steps;
  const std::string last = steps.empty() ? "" : steps.rbegin()->second.digest;
  const bool all = std::holds_alternative<core::Succeeded>(state.jobs.at(pattern.source).state);
  if (all && pattern.spec.commits_every <= 1 && !std::ranges::includes(pattern.instantiated, exist))
    world.violation("a scheduled checkpoint was not evaluated");
  if (all && pattern.spec.last_commit && !last.empty() && !pattern.instantiated.contains(last))
    world.violation("the last checkpoint was not evaluated");
  if (pattern.spec.last_commit) exist.insert(last);
  for (const std::string& digest : pattern.instantiated) {
    if (!exist.contains(digest))
      world.violation("evaluated without a scheduled checkpoint: " + digest);
  }
  if (pattern.instances.size() != pattern.instantiated.size())
    world.violation("evaluated more than once");
}

void check_job(World& world, const core::State& state, const core::Job& job) {
  if (!core::is_terminal(job.state)) {
    const auto lines = core::explain(state, job.id, state.now_ms);
    world.violation(format("job {} never ended: {}", job.id.value, lines.front()));
  }
  const bool done = std::holds_alternative<core::Succeeded>(job.state);
  if (!done || job.spec.kind != "evaluate") return;
  const std::string key = job.spec.overrides.empty() ? "none" : job.spec.overrides.back();
  if (!state.results.contains(key) && !state.archive.results.contains(key)) {
    world.violation(format("the result of job {} was lost", job.id.value));
  }
}

/// What held slots is what the attempts took, to the millisecond; nothing is negative.
void check_ledger(World& world, const core::State& state, const core::Job& job) {
  const core::Ledger ledger = core::ledger_of(job, state.now_ms);
  const std::int64_t held = core::slots_of(job.spec) * core::run_ms(job, state.now_ms);
  const bool sound =
      std::min({ledger.waited, ledger.starting, ledger.loading, ledger.training, ledger.evaluating,
                ledger.saving, ledger.untold, ledger.lost, ledger.hung}) >= 0;
  if (ledger.held() != held || !sound)
    world.violation(format("the ledger of job {} does not add up", job.id.value));
}

}  // namespace

void check_end(World& world, const core::State& state) {
  for (const auto& [id, job] : state.jobs) check_ledger(world, state, job);
  for (const auto& [id, job] : state.jobs) check_job(world, state, job);
  for (const core::Template& pattern : state.templates) {
    if (pattern.source != JobId{}) check_template(world, state, pattern);
  }
  world.misfortunes["workflow archived"] += static_cast<int>(state.archive.workflows.size());
  if (state.conflicting_results != 0) world.violation("equal keys with other counts");
  for (const auto& [key, gang] : world.gangs) {
    world.violation(format("job {} attempt {} lives on at {} when all jobs have ended",
                           key.first.value, key.second.value, gang.agents.begin()->value));
  }
}

void check_client(World& world, const core::State& state, const Client& client) {
  if (!client.reply()) return world.violation(client.token() + " was never acknowledged");
  if (core::archived_submission(state, client.token()) == client.reply()->workflow) return;
  const core::Workflow* workflow = core::find_submission(state, client.token());
  if (workflow == nullptr || workflow->id != client.reply()->workflow) {
    return world.violation(client.token() + " was acknowledged and is lost");
  }
  for (const auto& [name, id] : client.reply()->jobs) {
    const auto job = state.jobs.find(id);
    if (job == state.jobs.end() || job->second.spec.name != name) {
      world.violation(format("job {} ({}) was acknowledged and is lost", id.value, name));
    }
  }
}

}  // namespace tagalign::simulation
