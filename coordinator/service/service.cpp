#include "coordinator/service/service.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <utility>

#include "base/format.h"
#include "base/limits.h"
#include "base/log.h"
#include "coordinator/wire/codec.h"

namespace tagalign::service {
namespace {

using wire::FrameKind;
using wire::PeerRole;

constexpr int kFramesPerRound = 512;
constexpr std::int64_t kStopPatienceMs =
    limits::kSaveAndLeaveMsMax + limits::kTerminateGraceMs + limits::kRequestTimeoutMs;
constexpr const char* kPoolName = "local";
/// After a commit that failed: each costs reading the state again, and a disk stays full for hours.
constexpr std::int64_t kTimersRestMs = 1'000;

/// A full disk or a busy database: waited out.
bool passing(const Status& status) {
  return status.code() == ErrorCode::kNoSpace || status.code() == ErrorCode::kUnavailable;
}

}  // namespace

Service::Service(const ServiceParts& parts) : parts_(parts) {
  mind_.policy = parts.policy;
}

Status Service::load() {
  TA_ASSIGN_OR_RETURN(store::Snapshot loaded, store::load_state(parts_.store));
  state_ = std::move(loaded.state);
  uncommitted_ = false;
  snapshot_at_ = loaded.sequence;
  mind_.reminders = core::remind_all(state_);
  core::forget_calls(mind_.pools);
  return ok_status();
}

Status Service::restore() {
  started_ms_ = parts_.clock.unix_ms();
  TA_RETURN_IF_ERROR(load().with_context("read the coordinator's facts"));
  time_base_ms_ = std::max(started_ms_, state_.now_ms) - parts_.clock.monotonic_ms();
  for (const auto& [id, agent] : state_.agents) {
    if (agent.connected) links_.expect(id, parts_.clock.monotonic_ms());
  }
  log_info("{} facts, {} of them since the newest snapshot: {} jobs, {} agents",
           parts_.store.fact_count(), parts_.store.fact_count() - snapshot_at_, state_.jobs.size(),
           state_.agents.size());
  return ok_status();
}

Status Service::run(const std::atomic<bool>& stop) {
  TA_RETURN_IF_ERROR(restore());
  while (!stop.load() && !finished()) TA_RETURN_IF_ERROR(step(limits::kServiceTickMs));
  if (!stop.load()) {
    Round round;
    decide(round, core::ServiceStopped{});
    (void)commit(round);  // what it could not say is logged, and the next start ends the stop
  }
  log_info("{}", stop.load() ? "leaving; agents and gangs run on" : "stopped");
  return ok_status();
}

Status Service::step(std::int64_t wait_ms) {
  parts_.pool.tick();
  if (uncommitted_) {
    const Status loaded = load();
    if (passing(loaded)) parts_.clock.sleep_ms(wait_ms);
    if (!loaded.ok()) return passing(loaded) ? ok_status() : loaded;
  }
  Round round;
  if (state_.stopping && !stop_asked_) decide(round, core::ServiceStarted{});
  for (const auto& held : turns_.due(parts_.clock.monotonic_ms())) take_client(round, held);
  for (int taken = 0; taken < kFramesPerRound; ++taken) {
    auto incoming = parts_.socket.receive(taken == 0 && round.replies.empty() ? wait_ms : 0);
    if (!incoming.ok()) return incoming.status();
    if (!incoming->has_value()) break;
    take_frame(round, **incoming);
  }
  const bool rests = parts_.clock.monotonic_ms() < timers_again_ms_;
  if (!rests || !round.facts.empty()) add_timers(round);
  if (const Status committed = commit(round); !committed.ok()) return give_up(round, committed);
  act(round);
  answer_all(round.replies);
  save_snapshot();
  return ok_status();
}

/// Wall time may step; the core's time starts from it and then runs evenly, never back.
UnixMs Service::now_ms() {
  return time_base_ms_ + parts_.clock.monotonic_ms();
}

// ---------------------------------------------------------------- taking messages

void Service::take_frame(Round& round, const wire::IncomingFrame& incoming) {
  const auto& [peer, role, frame, key] = incoming;
  if (frame.kind == FrameKind::kClientRequest) return hear_client(round, incoming);
  if (frame.kind == FrameKind::kFromAgent && role == PeerRole::kAgent) {
    const auto message = wire::decode_from_agent(frame.body);
    if (!message.ok()) return log_warning("dropped a frame: {}", message.status().message());
    return std::visit([&](const auto& body) { take(round, peer, body); }, *message);
  }
  // Once a key: it may come without end.
  if (!refused_.insert(key.name).second) return;
  log_warning("refused a frame of kind {} from a peer whose key '{}' is allowed as {}",
              static_cast<int>(frame.kind), key.name, wire::peer_role_name(role));
}

void Service::take(Round& round, const std::string& peer, const wire::AgentHello& hello) {
  if (links_.has_ended(hello.agent, hello.incarnation)) return;
  const auto known = state_.agents.find(hello.agent);
  if (known != state_.agents.end() && known->second.incarnation != hello.incarnation) {
    links_.note_ended(hello.agent, known->second.incarnation);
  }
  if (links_.peer(hello.agent) != peer) drop_effects(round, hello.agent);
  links_.link(hello.agent, peer, parts_.clock.monotonic_ms());
  telemetry_.take(hello);
  parts_.pool.on_hello(hello);
  round.hellos.insert(hello.agent);
  decide(round, core::AgentJoined{hello});
}

/// What this round has to say to the other end of an earlier connection: another process may have
/// come in its place, which has forgotten what that one knew. The hello brings up all that holds.
void Service::drop_effects(Round& round, const AgentId& agent) {
  std::erase_if(round.effects, [&](const core::Effect& effect) {
    const auto* said = std::get_if<core::Send>(&effect);
    const auto* acknowledged = std::get_if<core::Acknowledge>(&effect);
    return (said && said->agent == agent) || (acknowledged && acknowledged->agent == agent);
  });
}

void Service::take(Round& round, const std::string& peer, const wire::AgentEvents& events) {
  const bool linked = links_.heard(events.agent, peer, parts_.clock.monotonic_ms());
  const auto agent = state_.agents.find(events.agent);
  if (!linked || agent == state_.agents.end() || !agent->second.connected) {
    return ask_for_hello(peer);
  }
  decide(round, core::AgentReported{events.agent, events.events});
}

void Service::take(Round& round, const std::string& peer, const wire::AgentHeartbeat& heartbeat) {
  const bool linked = links_.heard(heartbeat.agent, peer, parts_.clock.monotonic_ms());
  const auto agent = state_.agents.find(heartbeat.agent);
  const bool known = agent != state_.agents.end() && agent->second.connected;
  telemetry_.take(heartbeat);
  if (!round.hellos.contains(heartbeat.agent) && !(linked && known)) ask_for_hello(peer);
}

void Service::decide(Round& round, core::InputBody body) {
  core::Decision decision = core::decide(mind_, state_, {now_ms(), std::move(body)});
  std::ranges::move(decision.facts, std::back_inserter(round.facts));
  std::ranges::move(decision.effects, std::back_inserter(round.effects));
}

void Service::add_timers(Round& round) {
  const MonotonicMs heard_before_ms = parts_.clock.monotonic_ms() - limits::kAgentLostAfterMs;
  for (const AgentId& id : links_.silent_since(heard_before_ms)) {
    const auto agent = state_.agents.find(id);
    if (agent != state_.agents.end() && agent->second.connected) {
      if (links_.first_word_of_silence(id)) {
        log_warning("agent {} is silent for {}", id.value,
                    format_duration(limits::kAgentLostAfterMs));
      }
      parts_.pool.on_silence(id);
      round.lost.push_back(id);
      decide(round, core::AgentLost{id});
    } else {
      links_.drop(id);
    }
  }
  decide(round,
         core::PoolReported{kPoolName, {parts_.pool.alive(), parts_.pool.slots_per_agent()}});
  if (parts_.pools) {
    for (PoolNews& news : parts_.pools->news()) {
      std::visit([&](auto& body) { decide(round, std::move(body)); }, news);
    }
  }
  const auto deadline = core::next_deadline(mind_, state_);
  if (deadline && *deadline <= now_ms()) decide(round, core::TimePassed{});
}

// ---------------------------------------------------------------- commit, then act

Status Service::commit(const Round& round) {
  if (round.facts.empty()) return ok_status();
  const Status appended = parts_.store.append(round.facts);
  if (!appended.ok() && !store_failing_) {
    log_error("commit {} facts: {}; nothing is decided until that works again", round.facts.size(),
              appended.message());
  }
  if (appended.ok() && store_failing_) log_info("facts can be committed again");
  store_failing_ = !appended.ok();
  return appended;
}

/// Nothing of the round has happened: clients are told, agents repeat themselves. Until the state
/// could be read again nobody is answered from it.
Status Service::give_up(const Round& round, const Status& why) {
  uncommitted_ = true;
  timers_again_ms_ = parts_.clock.monotonic_ms() + kTimersRestMs;
  const Status loaded = load();
  std::vector<PendingReply> readable;
  for (const auto& pending : round.replies) {
    if (pending.needs_commit) {
      reply(pending.peer, pending.key,
            error_reply(why.with_context("the request was not recorded")));
    } else if (!loaded.ok()) {
      reply(pending.peer, pending.key, error_reply(loaded));
    } else {
      readable.push_back(pending);
    }
  }
  for (const AgentId& agent : round.hellos) {
    if (const auto peer = links_.peer(agent)) ask_for_hello(*peer);
    links_.unlink(agent);  // should that be lost, the next heartbeat asks again
  }
  answer_all(readable);
  if (!passing(why)) return why;
  return loaded.ok() || passing(loaded) ? ok_status() : loaded;
}

/// Acknowledgements last: the newest of each agent says it all.
void Service::act(const Round& round) {
  std::map<AgentId, std::uint64_t> acknowledged;
  for (const core::Effect& effect : round.effects) {
    if (const auto* ack = std::get_if<core::Acknowledge>(&effect)) {
      acknowledged[ack->agent] = ack->sequence;
    }
    std::visit([this](const auto& body) { perform(body); }, effect);
  }
  for (const auto& [agent, sequence] : acknowledged) send(agent, wire::AckEvents{sequence});
  for (const AgentId& agent : round.lost) links_.drop(agent);
  for (const core::Fact& fact : round.facts) {
    if (const auto* closed = std::get_if<core::AttemptClosed>(&fact.body)) {
      telemetry_.forget(closed->job);
    }
  }
}

void Service::perform(const core::Alert& effect) {
  log_error("{}", effect.text);
}

void Service::answer_all(const std::vector<PendingReply>& replies) {
  const AnswerContext context{.state = state_,
                              .telemetry = telemetry_,
                              .identity = parts_.identity,
                              .files = parts_.files,
                              .store = parts_.store,
                              .now_ms = now_ms(),
                              .started_ms = started_ms_,
                              .events = parts_.store.fact_count()};
  for (const auto& pending : replies)
    reply(pending.peer, pending.key, answer(context, pending.request));
}

/// A snapshot that fails costs only time at the next start: it is tried again later.
void Service::save_snapshot() {
  const std::uint64_t facts = parts_.store.fact_count();
  const std::uint64_t jobs = state_.jobs.size();
  if (facts - snapshot_at_ < std::max(parts_.facts_per_snapshot_min, jobs)) return;
  snapshot_at_ = facts;
  const Status saved = parts_.store.save_snapshot(state_);
  if (!saved.ok()) log_warning("snapshot after fact {}: {}", facts, saved.message());
}

// ---------------------------------------------------------------- stopping

bool Service::gangs_are_gone() const {
  return std::ranges::none_of(core::live_jobs(state_), [this](JobId id) {
    return std::ranges::any_of(core::open_shares(state_.jobs.at(id)), [this](const auto* share) {
      return links_.peer(share->agent).has_value();
    });
  });
}

bool Service::finished() {
  if (!state_.stopping || !stop_asked_) {
    stop_seen_ms_.reset();
    return false;
  }
  if (!stop_seen_ms_) stop_seen_ms_ = parts_.clock.monotonic_ms();
  const bool quiet = !parts_.pools || core::pools_are_quiet(mind_, state_);
  if (quiet && gangs_are_gone() && parts_.pool.alive() == 0) return true;
  if (parts_.clock.monotonic_ms() - *stop_seen_ms_ < kStopPatienceMs) return false;
  log_warning("stopping without the last word of all agents after {}",
              format_duration(kStopPatienceMs));
  return true;
}

// ---------------------------------------------------------------- sending

void Service::send(const AgentId& agent, const wire::ToAgent& message) {
  const auto peer = links_.peer(agent);
  if (!peer) return;  // asked again when it says hello
  const Status sent = parts_.socket.send(*peer, wire::make_frame(message));
  if (!sent.ok()) log_debug("agent {}: {}", agent.value, sent.message());
}

void Service::ask_for_hello(const std::string& peer) {
  const wire::ToAgent message = wire::SayHello{};
  const Status sent = parts_.socket.send(peer, wire::make_frame(message));
  if (!sent.ok()) log_debug("ask an agent for a hello: {}", sent.message());
}

void Service::reply(const std::string& peer, const wire::ProvenKey& key,
                    const wire::ClientReply& message) {
  wire::Frame frame = wire::make_frame(message);
  if (frame.body.size() > limits::kFrameBytesMax) {
    const wire::ClientReply too_large = error_reply(
        unsupported(format("the answer has {} bytes, more than the {} of a message; ask for one "
                           "workflow or one job",
                           frame.body.size(), limits::kFrameBytesMax)));
    frame = wire::make_frame(too_large);
  }
  turns_.charge(key, frame.body.size());
  const Status sent = parts_.socket.send(peer, frame);
  if (!sent.ok()) log_debug("reply to a client: {}", sent.message());
}

}  // namespace tagalign::service
