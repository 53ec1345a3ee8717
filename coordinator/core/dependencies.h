/// What a job waits for, in words. Whether it waits at all is counted by the index.
#pragma once

#include <string>
#include <vector>

#include "coordinator/core/state.h"

namespace tagalign::core {

/// "it comes after 'train' (job 1), which failed"; requires Needs::broken > 0. The same words as long as
/// the jobs that it names stay as they are.
std::string broken_dependency(const State& state, const Job& job);
/// `job` comes after `need`, by its name, as an instance of a template, or after a checkpoint of it.
bool comes_after(const State& state, const Job& job, JobId need);
/// One line for each job that must still succeed, end or commit, with what is known of when.
std::vector<std::string> unmet_dependencies(const State& state, const Job& job, UnixMs now_ms);

}  // namespace tagalign::core
