#include "coordinator/service/answers/result_answers.h"

#include "base/format.h"
#include "base/log.h"
#include "coordinator/core/archive.h"
#include "coordinator/service/answers/goodput.h"
#include "coordinator/service/answers/job_names.h"

namespace tagalign::service {
namespace {

/// Each is read from the disk while nobody else is served.
constexpr std::size_t kArchivedResultsMax = 10'000;

/// A live workflow of that name goes before an archived one.
Result<WorkflowId> workflow_of(const core::State& state, const std::string& name) {
  const auto named = look_up(state, name);
  if (named.ok()) return named->job ? state.jobs.at(*named->job).workflow : *named->workflow;
  if (const auto archived = newest_archived(state, name)) return *archived;
  return named.status();
}

void add_archived(const AnswerContext& context, const std::string& key,
                  const core::ArchivedResult& known, wire::ResultsReply& reply) {
  auto result = context.store.result(key);
  const bool whole =
      result.ok() && result->has_value() && core::counts_digest(**result) == known.counts;
  if (whole) {
    reply.rows.push_back({known.job, std::move(**result), known.at_ms});
  } else {
    log_warning("result {} of job {}: it is damaged or missing in the archive{}; it is left out",
                key, known.job.value,
                result.ok() ? "" : format(" ({})", result.status().message()));
  }
}

}  // namespace

wire::ClientReply results_reply(const AnswerContext& context, const std::string& name) {
  const core::State& state = context.state;
  std::optional<WorkflowId> workflow;
  if (!name.empty()) {
    const auto found = workflow_of(state, name);
    if (!found.ok()) return error_reply(found.status());
    workflow = *found;
  }
  const auto wanted = [&](const auto& entry) {
    return !workflow || entry.workflows.contains(*workflow);
  };
  if (!workflow && state.archive.results.size() > kArchivedResultsMax) {
    return error_reply(unsupported(
        format("{} results are archived, at most {} can be read at once; ask for one workflow: "
               "tagalign results WORKFLOW",
               state.archive.results.size(), kArchivedResultsMax)));
  }
  wire::ResultsReply reply;
  for (const auto& [key, entry] : state.results) {
    if (wanted(entry)) reply.rows.push_back({entry.job, entry.result, entry.at_ms});
  }
  for (const auto& [key, known] : state.archive.results) {
    if (wanted(known)) add_archived(context, key, known, reply);
  }
  reply.slot_time = slot_time_of(context, workflow);
  return reply;
}

}  // namespace tagalign::service
