/// The best of a training's checkpoints, once all of its evaluations have told.
///
/// The score is the mean over classes of intersect / union, of those that have a pixel in the union, as
/// `tagalign results` shows it; of several results of one evaluation the highest. Of equal scores the
/// earlier step: it took less training.
#include <algorithm>
#include <optional>

#include "base/format.h"
#include "coordinator/core/decide/turn.h"
#include "coordinator/wire/scores.h"

namespace tagalign::core {
namespace {

struct Best {
  wire::CheckpointInfo checkpoint;
  double score = 0;
};

/// What an instance evaluates.
std::string checkpoint_path(const Job& instance) {
  constexpr std::string_view kKey = "checkpoint=";
  const std::string& last = instance.spec.overrides.back();
  return last.starts_with(kKey) ? last.substr(kKey.size()) : "";
}

std::optional<double> score_of(const State& state, const Job& instance,
                               const std::string& dataset) {
  std::optional<double> highest;
  for (const auto& [key, entry] : state.results) {
    if (entry.result.dataset != dataset || !reported(entry, instance.id)) continue;
    const auto score = wire::mean_iou(entry.result);
    if (score && (!highest || *score > *highest)) highest = score;
  }
  return highest;
}

/// By path: of a checkpoint that was damaged and trained again the newest counts.
std::map<std::string, const Job*> newest_instances(const State& state, const Template& scores) {
  std::map<std::string, const Job*> newest;
  for (const JobId id : scores.instances) {
    const Job& instance = state.jobs.at(id);
    newest[checkpoint_path(instance)] = &instance;
  }
  return newest;
}

struct Choice {
  std::optional<Best> best;
  int scored = 0;
  int evaluated = 0;
};

Choice choose(const State& state, const Template& pattern, const Template& scores) {
  Choice choice;
  const auto instances = newest_instances(state, scores);
  for (const auto& [step, commit] : state.jobs.at(pattern.source).checkpoints) {
    const auto instance = instances.find(commit.first.path);
    if (instance == instances.end()) continue;
    ++choice.evaluated;
    const auto score = score_of(state, *instance->second, pattern.spec.best_dataset);
    if (!score) continue;
    ++choice.scored;
    if (!choice.best || *score > choice.best->score) choice.best = Best{commit.first, *score};
  }
  return choice;
}

const Template* scores_of(const State& state, const Template& pattern) {
  for (const std::size_t index : templates_of(state, pattern.source)) {
    const Template& other = state.templates[index];
    if (other.spec.name == pattern.spec.best_of) return &other;
  }
  return nullptr;
}

bool all_ended(const State& state, const Template& scores) {
  return std::ranges::all_of(scores.instances,
                             [&](JobId id) { return is_terminal(state.jobs.at(id).state); });
}

/// Once: evaluations that somebody has tried again do not change what was chosen.
void choose_best(Turn& turn, std::size_t index) {
  const Template& pattern = turn.state.templates.at(index);
  if (!pattern.instances.empty()) return;
  const Template* scores = scores_of(turn.state, pattern);
  if (scores == nullptr || !all_ended(turn.state, *scores)) return;
  const Choice choice = choose(turn.state, pattern, *scores);
  if (!choice.best)
    return add_notice(
        turn, turn.state.jobs.at(pattern.source),
        format("'{}' starts for no checkpoint: of {} that '{}' was to evaluate none has "
               "a score on {}",
               pattern.spec.name, choice.evaluated, pattern.spec.best_of,
               pattern.spec.best_dataset));
  instantiate(turn, index, choice.best->checkpoint);
  add_notice(
      turn, turn.state.jobs.at(pattern.instances.back()),
      format("step {} has the best mean IoU on {}, {:.2f} %, of {} checkpoints with a score; "
             "'{}' was to evaluate {}",
             choice.best->checkpoint.step, pattern.spec.best_dataset, 100 * choice.best->score,
             choice.scored, pattern.spec.best_of, choice.evaluated));
}

/// The job whose templates may have become ripe with the fact.
std::optional<JobId> source_of(const State& state, const Fact& fact) {
  JobId ended;
  if (const auto* closed = std::get_if<AttemptClosed>(&fact.body)) ended = closed->job;
  if (const auto* cancelled = std::get_if<JobCancelled>(&fact.body)) ended = cancelled->job;
  if (ended == JobId{}) return std::nullopt;
  const auto instance = state.index.template_of.find(ended);
  return instance == state.index.template_of.end() ? ended
                                                   : state.templates[instance->second].source;
}

}  // namespace

void choose_bests(Turn& turn) {
  std::set<JobId> sources;
  for (const Fact& fact : turn.decision.facts) {
    if (const auto source = source_of(turn.state, fact)) sources.insert(*source);
  }
  for (const JobId source : sources) {
    if (!std::holds_alternative<Succeeded>(turn.state.jobs.at(source).state)) continue;
    for (const std::size_t index : templates_of(turn.state, source)) {
      if (!turn.state.templates[index].spec.best_of.empty()) choose_best(turn, index);
    }
  }
}

}  // namespace tagalign::core
