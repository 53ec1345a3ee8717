/// How requests of clients are taken: by turns, with permission, and as inputs for the core.
#include <utility>

#include "base/format.h"
#include "base/log.h"
#include "coordinator/service/answers/job_changes.h"
#include "coordinator/service/answers/job_names.h"
#include "coordinator/service/permissions.h"
#include "coordinator/service/service.h"
#include "coordinator/wire/codec.h"

namespace tagalign::service {
namespace {

constexpr std::size_t kQuestionBytesMax = 1u << 20;  // of all but a submission

}  // namespace

void Service::hear_client(Round& round, const wire::IncomingFrame& incoming) {
  if (turns_.take_turn(incoming.key, parts_.clock.monotonic_ms())) {
    return take_client(round, incoming);
  }
  const Status held = turns_.hold(incoming);
  if (!held.ok()) reply(incoming.peer, incoming.key, error_reply(held));
}

void Service::take_client(Round& round, const wire::IncomingFrame& incoming) {
  const auto& [peer, role, frame, key] = incoming;
  turns_.charge(key, frame.body.size());
  auto request = wire::decode_client_request(frame.body);
  if (!request.ok()) return reply(peer, key, error_reply(request.status()));
  const Status allowed = check_permission(key, *request);
  if (!allowed.ok()) return reply(peer, key, error_reply(allowed));
  if (frame.body.size() > kQuestionBytesMax &&
      !std::holds_alternative<wire::SubmitRequest>(*request)) {
    return reply(peer, key,
                 error_reply(invalid_argument(
                     format("a question of {} bytes, expected at most {}; name fewer jobs",
                            frame.body.size(), kQuestionBytesMax))));
  }
  take_request(round, incoming, std::move(*request));
}

void Service::take_request(Round& round, const wire::IncomingFrame& incoming,
                           wire::ClientRequest request) {
  const std::string& peer = incoming.peer;
  const wire::ProvenKey& key = incoming.key;
  const std::size_t before = round.facts.size();
  if (const auto* submit = std::get_if<wire::SubmitRequest>(&request)) {
    const Status taken = take_submission(round, *submit);
    if (!taken.ok()) return reply(peer, key, error_reply(taken));
  } else if (const auto* cancel = std::get_if<wire::CancelRequest>(&request)) {
    // What names no job is refused when it is answered.
    const auto job = newest_job(state_, cancel->job.text);
    if (job.ok()) decide(round, core::CancelRequested{*job});
  } else if (auto* change = std::get_if<wire::JobsChangeRequest>(&request)) {
    const Status taken = take_jobs_change(round, *change);
    if (!taken.ok()) return reply(peer, key, error_reply(taken));
  } else if (const auto* stop = std::get_if<wire::StopRequest>(&request)) {
    log_info("stop requested; gangs {}", stop->kill_gangs ? "are killed" : "save and leave");
    stop_asked_ = true;
    decide(round, core::StopRequested{stop->kill_gangs});
  } else if (const auto* add = std::get_if<wire::PoolAddRequest>(&request)) {
    const Status taken = take_pool_request(round, *add);
    if (!taken.ok()) return reply(peer, key, error_reply(taken));
  } else if (const auto* verb = std::get_if<wire::PoolVerbRequest>(&request)) {
    const Status taken = take_pool_request(round, *verb);
    if (!taken.ok()) return reply(peer, key, error_reply(taken));
  }
  // An answer to a repeated submission must not outrun the commit of the first, nor one about jobs
  // that the same round brought.
  const bool of_the_round = std::holds_alternative<wire::SubmitRequest>(request) ||
                            std::holds_alternative<wire::JobsChangeRequest>(request);
  const bool needs_commit = of_the_round ? !round.facts.empty() : round.facts.size() > before;
  round.replies.push_back({peer, key, std::move(request), needs_commit});
}

Status Service::take_submission(Round& round, const wire::SubmitRequest& request) {
  if (request.token.empty()) return invalid_argument("submit: the request carries no token");
  if (core::find_submission(state_, request.token)) return ok_status();
  if (core::archived_submission(state_, request.token)) return ok_status();
  if (state_.stopping) {
    return unavailable("submit: the coordinator is stopping; start it again and repeat");
  }
  TA_RETURN_IF_ERROR(core::validate(request.workflow));
  decide(round, core::WorkflowSubmitted{request.token, request.workflow});
  return ok_status();
}

/// What the selectors stand for is fixed here: "failed" means something else once it was carried out.
Status Service::take_jobs_change(Round& round, wire::JobsChangeRequest& request) {
  TA_RETURN_IF_ERROR(check(request));
  TA_ASSIGN_OR_RETURN(const std::vector<JobId> jobs, select_jobs(state_, request.selectors));
  request.selectors.clear();
  for (const JobId job : jobs) {
    request.selectors.push_back(std::to_string(job.value));
    decide(round, core::JobChangeAsked{job, request.verb, request.reason, request.priority,
                                       request.time_limit_s});
  }
  return ok_status();
}

}  // namespace tagalign::service
