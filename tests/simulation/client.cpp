#include "tests/simulation/client.h"

#include <algorithm>

#include "base/format.h"
#include "coordinator/wire/codec.h"

namespace tagalign::simulation {

Client::Client(World& world, int number, wire::WorkflowSpec spec, Send send)
    : world_(world),
      name_(format("client-{}", number)),
      token_(format("token-{}", number)),
      spec_(std::move(spec)),
      send_(std::move(send)) {}

void Client::submit() {
  if (reply_ && asks_left_-- == 0) return;
  request(wire::SubmitRequest{token_, spec_});
  world_.after(world_.between(100, reply_ ? 60'000 : 3'000), [this] { submit(); });
}

void Client::request(const wire::ClientRequest& message) {
  send_(*this, wire::make_frame(message));
}

void Client::receive(const wire::Frame& frame) {
  const auto message = wire::decode_client_reply(frame.body).value();
  if (const auto* refused = std::get_if<wire::ErrorReply>(&message)) {
    ++world_.misfortunes["request refused"];
    if (refused->code == "invalid-argument") world_.violation(refused->message);
    return;
  }
  const auto* submitted = std::get_if<wire::SubmitReply>(&message);
  if (submitted == nullptr) return;
  if (!reply_) reply_ = *submitted;
  // Evaluations of checkpoints join the list later.
  const std::size_t common = std::min(reply_->jobs.size(), submitted->jobs.size());
  const bool same =
      std::equal(reply_->jobs.begin(), reply_->jobs.begin() + static_cast<std::ptrdiff_t>(common),
                 submitted->jobs.begin());
  if (reply_->workflow != submitted->workflow || !same) {
    world_.violation(token_ + " stands for two workflows");
  }
}

}  // namespace tagalign::simulation
