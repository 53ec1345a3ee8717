/// One job of a workflow file that stands for several: those of its `sweep`, and those that follow
/// the checkpoints of each training of a sweep. configs/README.md, "A sweep", is what users read.
///
///   tune:   {kind: train, sweep: {grid: {steps: [10, 20]}, concurrency: 1}, config: {…}}
///   scores: {kind: evaluate, on_commit_of: tune, config: {…}}
/// becomes
///   tune.steps-10:   {kind: train, config: {steps: 10, …}}
///   tune.steps-20:   {kind: train, config: {steps: 20, …}}
///   scores.steps-10: {kind: evaluate, on_commit_of: tune.steps-10, config: {…}}
///   scores.steps-20: {kind: evaluate, on_commit_of: tune.steps-20, config: {…}}
///
/// and of the first two one is under way at once.
///
/// Configurations are bound afterwards, so that every job is checked like one that was written, and
/// a swept value has the line of the sweep. Internal to configs/schema. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "configs/schema/document/document.h"

namespace tagalign::config {

/// Names in `after`, `after_any` and `after_commit` of all jobs together, once those of sweeps are unfolded.
inline constexpr std::uint64_t kSweptReferencesMax = 200'000;
/// Keys and values of all jobs of one sweep together.
inline constexpr std::uint64_t kSweptNodesMax = 2'000'000;

/// The bound of a sweep, for each of its jobs.
struct SweptGroup {
  std::string name;
  int live_max = 0;
};
using SweptGroups = std::map<std::string, SweptGroup, std::less<>>;

/// Unfolds `jobs` of `root`; a file without a sweep stays as it is. The same file gives the same
/// jobs, in the file's order, those of a sweep in place of the one that was written.
///
/// Refused, before anything is made for a combination: more than limits::kJobsPerWorkflowMax jobs,
/// kSweptNodesMax, and what sweep_axes.h refuses. A job that is refused stays without its sweep, so
/// that its other problems are found as well.
SweptGroups expand_sweeps(Node& root, Problems& problems);

}  // namespace tagalign::config
