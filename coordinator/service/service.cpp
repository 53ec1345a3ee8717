#include "coordinator/service/service.h"

#include <algorithm>

#include "base/format.h"
#include "base/limits.h"
#include "base/log.h"
#include "coordinator/protocol/codec.h"

namespace tagalign::service {
namespace {

using protocol::FrameKind;
using protocol::PeerRole;

constexpr int kFramesPerRound = 512;
constexpr std::int64_t kStopPatienceMs =
    limits::kSaveAndLeaveMsMax + limits::kTerminateGraceMs + limits::kRequestTimeoutMs;

}  // namespace

Service::Service(const ServiceParts& parts) : parts_(parts) {}

Status Service::restore() {
  started_ms_ = parts_.clock.unix_ms();
  const Status replayed = parts_.store.replay(
      [this](std::uint64_t, const core::Event& event) { (void)core::apply(state_, event); });
  TA_RETURN_IF_ERROR(replayed.with_context("replay the coordinator's events"));
  time_base_ms_ = std::max(started_ms_, state_.now_ms) - parts_.clock.monotonic_ms();
  for (const auto& [id, agent] : state_.agents) {
    if (agent.connected) links_.expect(id, parts_.clock.monotonic_ms());
  }
  log_info("{} events replayed: {} jobs, {} agents", parts_.store.event_count(), state_.jobs.size(),
           state_.agents.size());
  return ok_status();
}

Status Service::run(const std::atomic<bool>& stop) {
  TA_RETURN_IF_ERROR(restore());
  while (!stop.load() && !finished()) TA_RETURN_IF_ERROR(step(limits::kServiceTickMs));
  log_info("{}", stop.load() ? "leaving; agents and gangs run on" : "stopped");
  return ok_status();
}

Status Service::step(std::int64_t wait_ms) {
  parts_.pool.tick();
  Round round;
  for (int taken = 0; taken < kFramesPerRound; ++taken) {
    auto incoming = parts_.socket.receive(taken == 0 ? wait_ms : 0);
    if (!incoming.ok()) return incoming.status();
    if (!incoming->has_value()) break;
    take_frame(round, **incoming);
  }
  add_timers(round);
  if (const Status committed = commit(round); !committed.ok()) {
    refuse(round, committed);
    const bool passing =
        committed.code() == ErrorCode::kNoSpace || committed.code() == ErrorCode::kUnavailable;
    return passing ? ok_status() : committed;
  }
  apply_all(round);
  acknowledge_duplicates(round);
  answer_all(round);
  return ok_status();
}

/// Wall time may step; the core's time starts from it and then runs evenly, never back.
UnixMs Service::now_ms() {
  return time_base_ms_ + parts_.clock.monotonic_ms();
}

// ---------------------------------------------------------------- taking messages

void Service::take_frame(Round& round, const protocol::IncomingFrame& incoming) {
  const auto& [peer, role, frame] = incoming;
  if (frame.kind == FrameKind::kClientRequest && role == PeerRole::kClient) {
    auto request = protocol::decode_client_request(frame.body);
    if (!request.ok()) return reply(peer, error_reply(request.status()));
    return take_request(round, peer, std::move(*request));
  }
  if (frame.kind == FrameKind::kFromAgent && role == PeerRole::kAgent) {
    const auto message = protocol::decode_from_agent(frame.body);
    if (!message.ok()) return log_warning("dropped a frame: {}", message.status().message());
    return std::visit([&](const auto& body) { take(round, peer, body); }, *message);
  }
  const std::string role_name(protocol::peer_role_name(role));
  log_warning("refused a frame of kind {} from a peer whose key is allowed as {}",
              static_cast<int>(frame.kind), role_name);
  if (frame.kind == FrameKind::kClientRequest) {
    reply(peer, error_reply(permission_denied(format(
                    "this key is allowed as {}, and requests need a client's key: put it into "
                    "keys/allowed as NAME.client",
                    role_name))));
  }
}

void Service::take_request(Round& round, const std::string& peer, protocol::ClientRequest request) {
  bool needs_commit = false;
  if (const auto* submit = std::get_if<protocol::SubmitRequest>(&request)) {
    if (const auto refused = add_submission(round, *submit)) {
      return reply(peer, error_reply(*refused));
    }
    needs_commit = round.tokens.contains(submit->token);
  } else if (const auto* cancel = std::get_if<protocol::CancelRequest>(&request)) {
    const auto found = state_.jobs.find(cancel->job);
    needs_commit = found != state_.jobs.end() && !core::is_terminal(found->second.state);
    if (needs_commit) add_event(round, core::CancelRequested{cancel->job});
  } else if (const auto* stop = std::get_if<protocol::StopRequest>(&request)) {
    begin_stop(stop->kill_gangs);
  }
  round.replies.push_back({peer, std::move(request), needs_commit});
}

/// The reason why the submission is refused; nullopt when it is in the round, or was taken before.
std::optional<Status> Service::add_submission(Round& round,
                                              const protocol::SubmitRequest& request) {
  if (request.token.empty()) return invalid_argument("submit: the request carries no token");
  if (core::find_submission(state_, request.token) || round.tokens.contains(request.token)) {
    return std::nullopt;
  }
  if (stopping_) {
    return unavailable("submit: the coordinator is stopping; start it again and repeat");
  }
  if (Status valid = core::validate(request.workflow); !valid.ok()) return valid;
  round.tokens.insert(request.token);
  add_event(round, core::WorkflowSubmitted{request.token, request.workflow});
  return std::nullopt;
}

void Service::take(Round& round, const std::string& peer, const protocol::AgentHello& hello) {
  links_.link(hello.agent, peer, parts_.clock.monotonic_ms());
  telemetry_.take(hello);
  parts_.pool.on_hello(hello);
  round.hellos.insert(hello.agent);
  add_event(round, core::AgentJoined{hello});
}

/// Only the next event in sequence becomes an event of the core. Older ones are acknowledged again;
/// a gap means that the agent must tell where it stands.
void Service::take(Round& round, const std::string& peer, const protocol::AgentEvents& events) {
  const bool linked = links_.heard(events.agent, peer, parts_.clock.monotonic_ms());
  const auto agent = state_.agents.find(events.agent);
  if (!linked || round.hellos.contains(events.agent) || agent == state_.agents.end() ||
      !agent->second.connected) {
    // After a hello in this round the sequence is not known before that is applied: the agent
    // repeats its events.
    if (!round.hellos.contains(events.agent)) ask_for_hello(peer);
    return;
  }
  std::uint64_t& newest =
      round.sequences.try_emplace(events.agent, agent->second.last_sequence).first->second;
  for (const auto& event : events.events) {
    if (event.sequence > newest + 1) return ask_for_hello(peer);
    if (event.sequence <= newest) {
      round.duplicates.insert(events.agent);
      continue;
    }
    newest = event.sequence;
    add_event(round, core::AgentReported{events.agent, event});
  }
}

void Service::take(Round& round, const std::string& peer,
                   const protocol::AgentHeartbeat& heartbeat) {
  const bool linked = links_.heard(heartbeat.agent, peer, parts_.clock.monotonic_ms());
  const auto agent = state_.agents.find(heartbeat.agent);
  const bool known = agent != state_.agents.end() && agent->second.connected;
  telemetry_.take(heartbeat);
  if (!round.hellos.contains(heartbeat.agent) && !(linked && known)) ask_for_hello(peer);
}

void Service::add_event(Round& round, core::EventBody body) {
  round.events.push_back({now_ms(), std::move(body)});
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
      add_event(round, core::AgentLost{id});
    } else {
      links_.drop(id);
    }
  }
  const auto deadline = core::next_deadline(state_);
  if (deadline && *deadline <= now_ms()) add_event(round, core::TimePassed{});
}

// ---------------------------------------------------------------- commit, then act

Status Service::commit(Round& round) {
  if (round.events.empty()) return ok_status();
  const Status appended = parts_.store.append(round.events);
  if (!appended.ok() && !store_failing_) {
    log_error("commit {} events: {}; nothing is decided until that works again",
              round.events.size(), appended.message());
  }
  if (appended.ok() && store_failing_) log_info("events can be committed again");
  store_failing_ = !appended.ok();
  return appended;
}

/// Nothing of the round has happened: clients are told, agents repeat themselves.
void Service::refuse(const Round& round, const Status& why) {
  for (const auto& pending : round.replies) {
    if (pending.needs_commit) {
      reply(pending.peer, error_reply(why.with_context("the request was not recorded")));
    }
  }
  for (const AgentId& agent : round.hellos) {
    if (const auto peer = links_.peer(agent)) ask_for_hello(*peer);
  }
  Round readable;
  for (const auto& pending : round.replies) {
    if (!pending.needs_commit) readable.replies.push_back(pending);
  }
  answer_all(readable);
}

void Service::apply_all(const Round& round) {
  std::map<AgentId, protocol::AckEvents> acknowledgements;  // the newest says it all
  const std::uint64_t conflicts_before = state_.conflicting_results;
  for (const core::Event& event : round.events) {
    for (core::Effect& effect : core::apply(state_, event)) {
      auto& [agent, message] = std::get<core::SendToAgent>(effect);
      if (const auto* ack = std::get_if<protocol::AckEvents>(&message)) {
        acknowledgements[agent] = *ack;
        continue;
      }
      if (const auto* launch = std::get_if<protocol::Launch>(&message); launch && stopping_) {
        withheld_.emplace(launch->job, launch->attempt);
        continue;
      }
      send(agent, message);
    }
    if (const auto* lost = std::get_if<core::AgentLost>(&event.body)) links_.drop(lost->agent);
  }
  for (const auto& [agent, ack] : acknowledgements) send(agent, ack);
  if (state_.conflicting_results != conflicts_before) {
    log_error(
        "{} results so far contradict an earlier one with the same key; `tagalign job show` of the "
        "evaluation names it",
        state_.conflicting_results);
  }
  if (stopping_) {
    for (const AgentId& agent : round.hellos) tell_shutdown(agent);
  }
  if (round.events.empty()) return;
  std::map<JobId, Attempt> running;
  for (const JobId id : state_.live) running[id] = state_.jobs.at(id).attempt;
  telemetry_.keep_only(running);
}

void Service::acknowledge_duplicates(const Round& round) {
  for (const AgentId& id : round.duplicates) {
    const auto agent = state_.agents.find(id);
    if (agent != state_.agents.end()) {
      send(id, protocol::AckEvents{agent->second.last_sequence});
    }
  }
}

void Service::answer_all(const Round& round) {
  const AnswerContext context{.state = state_,
                              .telemetry = telemetry_,
                              .identity = parts_.identity,
                              .files = parts_.files,
                              .now_ms = now_ms(),
                              .started_ms = started_ms_,
                              .events = parts_.store.event_count()};
  for (const auto& pending : round.replies) reply(pending.peer, answer(context, pending.request));
}

// ---------------------------------------------------------------- stopping

void Service::begin_stop(bool kill_gangs) {
  if (stopping_ && (stopping_->kill_gangs || !kill_gangs)) return;
  log_info("stop requested; gangs {}", kill_gangs ? "are killed" : "save and leave");
  stopping_ = Stopping{kill_gangs, parts_.clock.monotonic_ms()};
  parts_.pool.stop();
  for (const AgentId& agent : links_.linked()) tell_shutdown(agent);
}

void Service::tell_shutdown(const AgentId& agent) {
  constexpr const char* kReason = "the coordinator is stopped";
  if (stopping_->kill_gangs) {
    for (const JobId id : state_.live) {
      const core::Job& job = state_.jobs.at(id);
      if (const AgentId* held_by = core::holder(job); held_by && *held_by == agent) {
        send(agent, protocol::StopAttempt{id, job.attempt, protocol::StopMode::kKill, kReason});
      }
    }
  }
  send(agent, protocol::AgentShutdown{kReason});
}

bool Service::gangs_are_gone() const {
  return std::ranges::none_of(state_.live, [this](JobId id) {
    const core::Job& job = state_.jobs.at(id);
    const AgentId* agent = core::holder(job);
    return agent && links_.peer(*agent) && !withheld_.contains({id, job.attempt});
  });
}

bool Service::finished() {
  if (!stopping_) return false;
  if (gangs_are_gone() && parts_.pool.alive() == 0) return true;
  if (parts_.clock.monotonic_ms() - stopping_->since_ms < kStopPatienceMs) return false;
  log_warning("stopping without the last word of all agents after {}",
              format_duration(kStopPatienceMs));
  return true;
}

// ---------------------------------------------------------------- sending

void Service::send(const AgentId& agent, const protocol::ToAgent& message) {
  const auto peer = links_.peer(agent);
  if (!peer) return;  // asked again when it says hello
  const Status sent = parts_.socket.send(*peer, protocol::make_frame(message));
  if (!sent.ok()) log_debug("agent {}: {}", agent.value, sent.message());
}

void Service::ask_for_hello(const std::string& peer) {
  const protocol::ToAgent message = protocol::SayHello{};
  const Status sent = parts_.socket.send(peer, protocol::make_frame(message));
  if (!sent.ok()) log_debug("ask an agent for a hello: {}", sent.message());
}

void Service::reply(const std::string& peer, const protocol::ClientReply& message) {
  protocol::Frame frame = protocol::make_frame(message);
  if (frame.body.size() > limits::kFrameBytesMax) {
    const protocol::ClientReply too_large = error_reply(
        unsupported(format("the answer has {} bytes, more than the {} of a message; ask for one "
                           "workflow or one job",
                           frame.body.size(), limits::kFrameBytesMax)));
    frame = protocol::make_frame(too_large);
  }
  const Status sent = parts_.socket.send(peer, frame);
  if (!sent.ok()) log_debug("reply to a client: {}", sent.message());
}

}  // namespace tagalign::service
