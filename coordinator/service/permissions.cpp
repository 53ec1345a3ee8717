#include "coordinator/service/permissions.h"

#include "base/format.h"
#include "coordinator/wire/allow_list.h"

namespace tagalign::service {
namespace {

const char* what_it_may(wire::KeyRole role) {
  switch (role) {
    case wire::KeyRole::kObserve:
      return "observe";
    case wire::KeyRole::kSubmit:
      return "observe and submit";
    case wire::KeyRole::kAdmin:
      return "do everything";
    case wire::KeyRole::kAgent:
      return "only offer slots as an agent";
  }
  return "do nothing";
}

const char* what_is_asked(wire::KeyRole least) {
  switch (least) {
    case wire::KeyRole::kSubmit:
      return "to submit jobs, change or cancel them";
    case wire::KeyRole::kAdmin:
      return "to change pools or stop the coordinator";
    default:
      return "to look at jobs";
  }
}

}  // namespace

Status check_permission(const wire::ProvenKey& key, const wire::ClientRequest& request) {
  const wire::KeyRole least = least_role(request);
  if (key.role != wire::KeyRole::kAgent && key.role >= least) return ok_status();
  return permission_denied(
      format("this key ('{}') may {}; {} takes a key for {}: ask the owner of the coordinator for "
             "`tagalign key add NAME --role {}`",
             key.name, what_it_may(key.role), what_is_asked(least), wire::key_role_name(least),
             wire::key_role_name(least)));
}

}  // namespace tagalign::service
