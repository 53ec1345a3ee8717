/// Requests about pools, judged before they become inputs.
#include "base/format.h"
#include "coordinator/service/answers/pool_answers.h"
#include "coordinator/service/service.h"

namespace tagalign::service {

Status Service::take_pool_request(Round& round, const wire::PoolAddRequest& request) {
  const std::string& name = request.spec.name;
  if (!parts_.pools) return unsupported("pool add: this coordinator brings up no pools");
  if (state_.stopping) {
    return unavailable("pool add: the coordinator is stopping; start it again and repeat");
  }
  TA_RETURN_IF_ERROR(core::validate(request.spec));
  const auto known = state_.pool_records.find(name);
  if (known == state_.pool_records.end()) {
    decide(round, core::PoolAddAsked{request.spec});
    return ok_status();
  }
  const bool leaves = known->second.mode == core::PoolMode::kRemoving;
  if (known->second.spec == request.spec && !leaves) return ok_status();  // asked twice
  return already_exists(
      format("pool add: there is a pool '{}' {}; give another --name, or remove "
             "it first: `tagalign pool remove {}`",
             name, leaves ? "that is being removed" : "with other settings", name));
}

Status Service::take_pool_request(Round& round, const wire::PoolVerbRequest& request) {
  TA_RETURN_IF_ERROR(find_pool(state_, request.name));
  const core::PoolRecord& pool = state_.pool_records.at(request.name);
  if (pool.mode == core::PoolMode::kRemoving && request.verb != wire::PoolVerb::kRemove) {
    return invalid_argument(
        format("pool '{}' is being removed; add it again when it is gone", request.name));
  }
  decide(round, core::PoolVerbAsked{request.name, request.verb});
  return ok_status();
}

}  // namespace tagalign::service
