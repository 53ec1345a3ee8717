/// A user: submits one workflow with one token until told that it is durable, looks at the jobs now
/// and then, and asks for a cancellation or a stop when told to.
///
/// Checks   a submission is answered with the same workflow and jobs, however often it is asked; a
///          job that was shown as ended is never shown to have ended otherwise.
/// Threads  one.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "coordinator/wire/client_messages.h"
#include "coordinator/wire/transport.h"
#include "tests/simulation/world.h"

namespace tagalign::simulation {

class Client {
 public:
  using Send = std::function<void(const Client& from, wire::Frame frame)>;
  Client(World& world, int number, wire::WorkflowSpec spec, Send send);

  void start() {
    submit();
    look();
  }
  void receive(const wire::Frame& frame);
  /// One request whose reply nobody waits for.
  void request(const wire::ClientRequest& message);

  const std::string& name() const { return name_; }
  const std::string& token() const { return token_; }
  bool acknowledged() const { return reply_.has_value(); }
  const std::optional<wire::SubmitReply>& reply() const { return reply_; }

 private:
  void submit();
  void look();
  void take(const wire::SubmitReply& reply);
  void take(const wire::JobsReply& reply);
  void take(const wire::ErrorReply& refusal);
  template <class Other>
  void take(const Other&) {}

  World& world_;
  const std::string name_;
  const std::string token_;
  const wire::WorkflowSpec spec_;
  Send send_;
  int asks_left_ = 3;  ///< a user who was told asks again now and then
  std::optional<wire::SubmitReply> reply_;
  std::map<JobId, std::string> ended_;  ///< as shown: state
};

}  // namespace tagalign::simulation
