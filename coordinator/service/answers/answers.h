/// What clients are told: pure functions of the core's state and the telemetry (job logs and
/// archived results alone are read from files).
#pragma once

#include <string>

#include "base/clock.h"
#include "base/file_system.h"
#include "coordinator/core/core.h"
#include "coordinator/service/telemetry.h"
#include "coordinator/store/store.h"
#include "coordinator/wire/client_messages.h"

namespace tagalign::service {

/// Who is answering.
struct ServiceIdentity {
  std::string version;
  int pid = 0;
  std::string state_folder;
  std::string endpoint;
};

struct AnswerContext {
  const core::State& state;
  const Telemetry& telemetry;
  const ServiceIdentity& identity;
  FileSystem& files;
  store::Store& store;  ///< for what the state has archived
  UnixMs now_ms = 0;
  UnixMs started_ms = 0;
  std::uint64_t events = 0;
};

/// Every request after its event, if it makes one, has been applied: a submission is looked
/// up by its token.
wire::ClientReply answer(const AnswerContext& context, const wire::ClientRequest& request);

wire::ErrorReply error_reply(const Status& status);

}  // namespace tagalign::service
