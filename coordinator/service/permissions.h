/// Which key may send which request: the one table.
///
/// A request belongs into one of the three lists, with the least role that may send it. One that is
/// in none, or in two, does not compile.
#pragma once

#include <string>
#include <type_traits>
#include <variant>

#include "base/status.h"
#include "coordinator/wire/client_messages.h"
#include "coordinator/wire/transport.h"

namespace tagalign::service {

template <class... Requests>
struct Requesting {
  template <class Request>
  static constexpr bool has = (std::is_same_v<Request, Requests> || ...);
};

/// Change nothing.
using ForObservers =
    Requesting<wire::JobsRequest, wire::JobRequest, wire::JobLogRequest, wire::ExplainRequest,
               wire::CheckpointsRequest, wire::ResultsRequest, wire::StatusRequest,
               wire::PoolsRequest, wire::GoodputRequest>;
/// Any job, of whoever handed it in: workflows have no owner.
using ForSubmitters = Requesting<wire::SubmitRequest, wire::CancelRequest, wire::JobsChangeRequest>;
using ForAdmins = Requesting<wire::StopRequest, wire::PoolAddRequest, wire::PoolVerbRequest>;

template <class Request>
constexpr wire::KeyRole least_role() {
  constexpr bool observer = ForObservers::has<Request>;
  constexpr bool submitter = ForSubmitters::has<Request>;
  constexpr bool admin = ForAdmins::has<Request>;
  static_assert(observer + submitter + admin == 1, "give the request to one list above");
  if (observer) return wire::KeyRole::kObserve;
  return submitter ? wire::KeyRole::kSubmit : wire::KeyRole::kAdmin;
}

inline wire::KeyRole least_role(const wire::ClientRequest& request) {
  return std::visit([]<class Request>(const Request&) { return least_role<Request>(); }, request);
}

/// ok when `key`, one of a client, may send `request`; else kPermissionDenied, which says how to come
/// by a key that may.
Status check_permission(const wire::ProvenKey& key, const wire::ClientRequest& request);

}  // namespace tagalign::service
