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

void Client::look() {
  request(wire::JobsRequest{});
  world_.after(world_.pace.strikes * world_.between(1'000, 20'000), [this] { look(); });
}

void Client::receive(const wire::Frame& frame) {
  const auto message = wire::decode_client_reply(frame.body).value();
  std::visit([this](const auto& reply) { take(reply); }, message);
}

void Client::take(const wire::ErrorReply& refusal) {
  ++world_.misfortunes["request refused"];
  const bool too_late = refusal.message.ends_with("is being removed; add it again when it is gone");
  if (refusal.code == "invalid-argument" && !too_late) world_.violation(refusal.message);
}

/// Evaluations of checkpoints join the list later.
void Client::take(const wire::SubmitReply& reply) {
  if (!reply_) reply_ = reply;
  const auto common = static_cast<std::ptrdiff_t>(std::min(reply_->jobs.size(), reply.jobs.size()));
  const bool same =
      std::equal(reply_->jobs.begin(), reply_->jobs.begin() + common, reply.jobs.begin());
  if (reply_->workflow != reply.workflow || !same) {
    world_.violation(token_ + " stands for two workflows");
  }
}

/// An older answer may come late and show an ended job as running, but not as ended otherwise.
void Client::take(const wire::JobsReply& reply) {
  for (const wire::JobSummary& job : reply.jobs) {
    if (job.reason.starts_with("makes room")) ++world_.misfortunes["seen making room"];
    if (!job.terminal) continue;
    const auto [entry, added] = ended_.emplace(job.id, job.state);
    if (world_.requeued.contains(job.id)) continue;
    if (entry->second != job.state) {
      world_.violation(
          format("{} saw job {} {} and then {}", name_, job.id.value, entry->second, job.state));
    }
  }
}

}  // namespace tagalign::simulation
