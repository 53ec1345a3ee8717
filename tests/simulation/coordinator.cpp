#include "tests/simulation/coordinator.h"

#include "base/format.h"
#include "base/limits.h"

namespace tagalign::simulation {

void Coordinator::start() {
  up_ = true;
  ++incarnation_;
  state_ = {};
  const Status replayed = store_.replay(
      [this](std::uint64_t, const core::Event& event) { (void)core::apply(state_, event); });
  if (!replayed.ok()) world_.violation("replay failed: " + replayed.to_string());
  if (!last_dump_.empty() && core::dump(state_) != last_dump_)
    world_.violation("the replay gave another state");
  for (const auto& [id, agent] : state_.agents) heard_[id] = world_.now;
  tick(incarnation_);
}

void Coordinator::crash() {
  up_ = false;
  last_dump_ = core::dump(state_);
  batch_.clear();
  heard_.clear();
  greeted_.clear();
}

void Coordinator::tick(int incarnation) {
  if (!up_ || incarnation != incarnation_) return;
  watch_agents();
  const auto deadline = core::next_deadline(state_);
  if (deadline && *deadline <= world_.now) push(core::TimePassed{});
  commit();
  if (up_) world_.after(50, [this, incarnation] { tick(incarnation); });
}

void Coordinator::watch_agents() {
  for (const auto& [id, at_ms] : heard_) {
    const auto agent = state_.agents.find(id);
    if (agent == state_.agents.end() || !agent->second.connected) continue;
    if (world_.now < at_ms + limits::kAgentLostAfterMs) continue;
    push(core::AgentLost{id});
    greeted_.erase(id);
  }
}

void Coordinator::commit() {
  if (batch_.empty() || !store_.append(batch_).ok()) return;
  const std::vector<core::Event> events = std::exchange(batch_, {});
  const bool die = world_.random.chance(world_.weather.death_before_acting);
  for (const core::Event& event : events) act(event, !die);
  check_finished();
  if (!die) return;
  crash();
  world_.after(world_.between(10, 20'000), [this] {
    if (!up_) start();
  });
}

void Coordinator::act(const core::Event& event, bool send_effects) {
  if (const auto* lost = std::get_if<core::AgentLost>(&event.body)) {
    for (const auto& [id, job] : state_.jobs) {
      if (!job.attempts.empty() && job.attempts.back().agent == lost->agent)
        world_.excused.insert({id, job.attempt});
    }
  }
  const std::vector<core::Effect> effects = core::apply(state_, event);
  if (!send_effects) return;
  for (const core::Effect& effect : effects) {
    const auto& send = std::get<core::SendToAgent>(effect);
    send_(send.agent, send.message);
  }
}

void Coordinator::check_finished() {
  for (const auto& [id, job] : state_.jobs) {
    if (!core::is_terminal(job.state)) {
      if (seen_finished_.contains(id))
        world_.violation(format("job {} was finished and is not now", id.value));
      continue;
    }
    const std::string name(core::job_state_name(job.state));
    const auto [entry, added] = seen_finished_.emplace(id, name);
    if (entry->second != name)
      world_.violation(format("job {} was {} and is {}", id.value, entry->second, name));
    if (name == "succeeded" && !world_.finished.contains(id)) {
      world_.violation(format("job {} is called succeeded, but no gang ended well", id.value));
    }
  }
}

void Coordinator::receive(const protocol::FromAgent& message) {
  std::visit([this](const auto& body) { take(body); }, message);
}

void Coordinator::take(const protocol::AgentHello& hello) {
  heard_[hello.agent] = world_.now;
  greeted_.insert(hello.agent);
  push(core::AgentJoined{hello});
}

void Coordinator::take(const protocol::AgentEvents& events) {
  if (!greeted_.contains(events.agent)) return send_(events.agent, protocol::SayHello{});
  heard_[events.agent] = world_.now;
  for (const auto& event : events.events) push(core::AgentReported{events.agent, event});
}

void Coordinator::take(const protocol::AgentHeartbeat& beat) {
  if (!greeted_.contains(beat.agent)) return send_(beat.agent, protocol::SayHello{});
  heard_[beat.agent] = world_.now;
}

void Coordinator::submit(const std::string& token, const protocol::WorkflowSpec& spec) {
  if (core::validate(spec).ok() && !core::find_submission(state_, token))
    push(core::WorkflowSubmitted{token, spec});
}

void Coordinator::cancel(JobId job) {
  push(core::CancelRequested{job});
}

}  // namespace tagalign::simulation
