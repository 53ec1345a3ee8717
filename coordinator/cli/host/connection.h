/// Questions to a coordinator and its answers. For one thread.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <variant>

#include "base/file_system.h"
#include "base/status.h"
#include "coordinator/wire/client_messages.h"

namespace tagalign::cli {

class Connection {
 public:
  virtual ~Connection() = default;
  /// Waits for the answer at most limits::kRequestTimeoutMs. kUnavailable when there is none: the
  /// request may or may not have been carried out, and calling again connects afresh. A refusal
  /// arrives as an ErrorReply, not as a Status.
  virtual Result<wire::ClientReply> call(const wire::ClientRequest& request) = 0;
};

/// How a coordinator is reached: through its state folder, or from anywhere with a key file.
struct Way {
  Path state;
  Path key;              ///< empty: what lies in `state`
  std::string endpoint;  ///< with `key`; empty: what that says
};

/// Connects on the first call.
std::unique_ptr<Connection> connect_zmq(const Way& way);

/// The Status that an ErrorReply stands for.
Status refusal(const wire::ErrorReply& reply);

/// Calls and takes the one kind of answer that fits; ErrorReply becomes its Status.
template <class Reply>
Result<Reply> ask(Connection& connection, const wire::ClientRequest& request) {
  TA_ASSIGN_OR_RETURN(wire::ClientReply reply, connection.call(request));
  if (const auto* error = std::get_if<wire::ErrorReply>(&reply)) return refusal(*error);
  if (auto* expected = std::get_if<Reply>(&reply)) return std::move(*expected);
  return data_loss(
      "the coordinator answered with another kind of message than asked for; "
      "are coordinator and command line of one version (tagalign --version)?");
}

}  // namespace tagalign::cli
