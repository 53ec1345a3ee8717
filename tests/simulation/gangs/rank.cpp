#include "tests/simulation/gangs/rank.h"

#include "base/format.h"
#include "base/limits.h"
#include "coordinator/wire/codec.h"

namespace tagalign::simulation {
namespace {

using namespace wire;

constexpr std::int64_t kResendMs = 2'000;
constexpr std::int64_t kFarewellMsMax = 2'000;
constexpr std::int64_t kAgentPatienceMs = 30'000;

}  // namespace

Rank::Rank(World& world, AttemptKey key, int number, int pid, Send send)
    : world_(world),
      key_(key),
      number_(number),
      pid_(pid),
      peer_(format("pid-{}", pid)),
      send_(std::move(send)) {}

void Rank::hello() {
  if (!moves()) return;
  greeted_ = true;
  heard_ms_ = world_.now;
  send_(peer_, make_frame(FromRank{RankHello{key_.first, key_.second, number_, pid_, "cpu"}}));
  send_front();
  beat();
}

void Rank::beat() {
  if (!moves()) return;
  if (heard_ms_ != 0 && world_.now - heard_ms_ > limits::kAgentSilentAfterMs) {
    ++world_.misfortunes["rank left alone"];
    return when_alone();
  }
  send_(peer_, make_frame(FromRank{RankBeat{.job = key_.first,
                                            .attempt = key_.second,
                                            .rank = number_,
                                            .step = step,
                                            .activity = "works",
                                            .phase = phase_,
                                            .moves = moves_,
                                            .collective = collective_}}));
  world_.after(limits::kRankHeartbeatMs, [self = shared_from_this()] { self->beat(); });
}

void Rank::ask(const FromRank& wish, Held held) {
  greeted_ = true;
  enqueue(make_frame(wish), kAgentPatienceMs, std::move(held));
}

void Rank::report(const FromRank& event, Held held) {
  Frame frame = make_frame(event);
  // The agent would take an equal event for the last one sent again.
  if (frame.body == newest_body_ && queue_.empty()) return held(true);
  enqueue(std::move(frame), limits::kRequestTimeoutMs, std::move(held));
}

void Rank::farewell(int code, const std::string& reason, Held held) {
  enqueue(make_frame(FromRank{RankFarewell{key_.first, key_.second, number_, code, reason, step}}),
          kFarewellMsMax, std::move(held));
}

void Rank::enqueue(Frame frame, std::int64_t patience_ms, Held held) {
  newest_body_ = frame.body;
  queue_.push_back({std::move(frame), ++tickets_, 0, std::move(held)});
  if (queue_.size() == 1) send_front();
  world_.after(patience_ms, [self = shared_from_this(), ticket = tickets_] {
    if (!self->queue_.empty() && self->queue_.front().ticket == ticket) self->settle_front(false);
  });
}

void Rank::send_front() {
  if (!moves() || !greeted_ || queue_.empty()) return;
  Event& event = queue_.front();
  if (event.number == 0) event.number = ++numbers_;
  send_(peer_, event.frame);
  world_.after(kResendMs, [self = shared_from_this(), ticket = event.ticket] {
    if (!self->queue_.empty() && self->queue_.front().ticket == ticket) self->send_front();
  });
}

void Rank::settle_front(bool held) {
  const Held done = std::move(queue_.front().held);
  queue_.pop_front();
  if (!moves()) return;
  send_front();
  done(held);
}

void Rank::receive(const ToRank& message) {
  if (!moves()) return;
  if (std::holds_alternative<SaveAndLeave>(message)) told_to_leave_ = true;
  if (std::holds_alternative<AgentBeat>(message)) heard_ms_ = world_.now;
  const auto* ack = std::get_if<RankAck>(&message);
  if (ack == nullptr || queue_.empty() || queue_.front().number == 0) return;
  if (ack->messages >= queue_.front().number) settle_front(true);
}

}  // namespace tagalign::simulation
