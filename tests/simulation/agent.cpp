#include "tests/simulation/agent.h"

#include "base/format.h"

namespace tagalign::simulation {
namespace {
using namespace protocol;

constexpr std::uint64_t kStepsTotal = 6;
constexpr std::uint64_t kStepsPerCheckpoint = 2;

std::string digest_of(JobId job, std::uint64_t step) {
  return format("d{}-{}", job.value, step);
}
}  // namespace

Agent::Agent(World& world, AgentId id, int slots, Send send)
    : world_(world), id_(std::move(id)), slots_(slots), send_(std::move(send)) {}

void Agent::start() {
  up_ = true;
  ++incarnation_;
  for (auto& [key, ended] : open_) {
    if (ended == 0) end(key, Outcome::kAgentRestarted, "the agent restarted");
  }
  take(SayHello{});
  beat(incarnation_);
}

void Agent::crash() {
  up_ = false;
  for (const auto& [key, gang] : gangs_) world_.gangs.erase(key);
  gangs_.clear();
}

void Agent::beat(int incarnation) {
  if (!up_ || incarnation != incarnation_) return;
  send_(AgentHeartbeat{id_, {}, {}});
  send_spool();
  world_.after(1'000, [this, incarnation] { beat(incarnation); });
}

void Agent::receive(const ToAgent& message) {
  std::visit([this](const auto& body) { take(body); }, message);
}

void Agent::take(const SayHello&) {
  AgentHello hello;
  hello.agent = id_;
  hello.incarnation = format("{}.{}", id_.value, incarnation_);
  hello.host = id_.value;
  hello.slots = slots_;
  for (const auto& [key, ended] : open_) hello.known_attempts.push_back(key);
  hello.first_unacknowledged = spool_.empty() ? next_sequence_ : spool_.front().sequence;
  send_(hello);
  send_spool();
}

void Agent::take(const AckEvents& ack) {
  while (!spool_.empty() && spool_.front().sequence <= ack.sequence) spool_.pop_front();
  std::erase_if(
      open_, [&](const auto& entry) { return entry.second != 0 && entry.second <= ack.sequence; });
}

void Agent::take(const Launch& launch) {
  if (accepted_[launch.job] >= launch.attempt) return;
  for (auto it = gangs_.begin(); it != gangs_.end();) {
    const AttemptKey key = (it++)->first;
    if (key.first == launch.job) end(key, Outcome::kKilledOnRequest, "a newer attempt arrived");
  }
  accepted_[launch.job] = launch.attempt;
  open_[{launch.job, launch.attempt}] = 0;
  start_gang(launch);
}

void Agent::take(const StopAttempt& stop) {
  const auto found = gangs_.find({stop.job, stop.attempt});
  if (found == gangs_.end()) return;
  if (stop.mode == StopMode::kKill) {
    end(found->first, Outcome::kKilledOnRequest, "killed on request");
  } else if (!found->second.wedged) {
    found->second.leaving = true;
  }
}

void Agent::start_gang(const Launch& launch) {
  const AttemptKey key{launch.job, launch.attempt};
  if (!world_.launched.insert(key).second) {
    world_.violation(
        format("attempt {} of job {} was launched twice", key.second.value, key.first.value));
  }
  for (const auto& [other, agent] : world_.gangs) {
    if (other.first != key.first || world_.excused.contains(other) || world_.excused.contains(key))
      continue;
    world_.violation(format("job {}: attempts {} on {} and {} on {} run together", key.first.value,
                            other.second.value, agent.value, key.second.value, id_.value));
  }
  if (world_.random.chance(world_.weather.launch_error)) {
    end(key, Outcome::kLaunchFailed, "mpirun is missing");
    return;
  }
  Gang gang{launch, 0, false, world_.random.chance(world_.weather.wedge)};
  SharedFiles::Folder& folder = world_.files.jobs[launch.job];
  folder.lease = std::max(folder.lease, launch.attempt);
  if (!folder.steps.empty()) gang.step = folder.steps.rbegin()->first;
  gangs_[key] = gang;
  world_.gangs[key] = id_;
  report(key, AttemptStarted{launch.job, launch.attempt, 1, world_.now});
  for (const auto& [step, info] : folder.steps)
    report(key, CheckpointCommitted{launch.job, launch.attempt, info});
  world_.after(world_.between(100, 3'000), [this, key, run = incarnation_] { advance(key, run); });
}

void Agent::advance(AttemptKey key, int incarnation) {
  const auto found = gangs_.find(key);
  if (!up_ || incarnation != incarnation_ || found == gangs_.end()) return;
  Gang& gang = found->second;
  if (gang.wedged) {
    end(key, Outcome::kRankKilled, "no heartbeat");
  } else if (world_.random.chance(world_.weather.rank_death)) {
    end(key, Outcome::kRankKilled, "rank 0 killed by signal 9");
  } else if (world_.random.chance(world_.weather.program_error)) {
    end(key, Outcome::kFailed, "assertion failed");
  } else if (gang.launch.kind == "train") {
    train_step(key, gang);
  } else if (gang.leaving) {
    end(key, Outcome::kSavedAndLeft, "asked to leave");
  } else {
    if (gang.launch.kind == "evaluate") evaluate(key, gang);
    world_.finished.insert(key.first);
    end(key, Outcome::kSucceeded, "");
  }
  if (gangs_.contains(key)) {
    world_.after(world_.between(100, 3'000),
                 [this, key, incarnation] { advance(key, incarnation); });
  }
}

void Agent::train_step(AttemptKey key, Gang& gang) {
  if (gang.leaving) {
    if (commit(key, gang, false)) end(key, Outcome::kSavedAndLeft, "saved");
    return;
  }
  if (gang.step < kStepsTotal) ++gang.step;
  const bool due = gang.step % kStepsPerCheckpoint == 0;
  if (due && !commit(key, gang, true)) return;
  if (gang.step < kStepsTotal) return;
  world_.finished.insert(key.first);
  end(key, Outcome::kSucceeded, "");
}

/// False when the lease belongs to a newer attempt, or a rank died between the commit and its
/// report: the gang is gone.
bool Agent::commit(AttemptKey key, Gang& gang, bool scheduled) {
  SharedFiles::Folder& folder = world_.files.jobs[key.first];
  if (folder.lease != key.second) {
    end(key, Outcome::kFailed, "the lease belongs to a newer attempt");
    return false;
  }
  CheckpointInfo info{gang.step, format("/jobs/{}/step-{}", key.first.value, gang.step),
                      digest_of(key.first, gang.step), scheduled};
  const auto [entry, added] = folder.steps.try_emplace(gang.step, info);
  if (!added) {
    if (scheduled) entry->second.scheduled = true;
    info = entry->second;
  }
  if (world_.random.chance(world_.weather.rank_death)) {
    end(key, Outcome::kRankKilled, "killed after the commit");
    return false;
  }
  report(key, CheckpointCommitted{key.first, key.second, info});
  return true;
}

void Agent::evaluate(AttemptKey key, const Gang& gang) {
  EvaluationResult result;
  result.key = gang.launch.overrides.empty() ? "none" : gang.launch.overrides.back();
  result.images = 10;
  result.classes = {"a", "b"};
  result.intersect = {result.key.size(), 2};
  result.union_ = result.predicted = result.labelled = {result.key.size() + 3, 4};
  report(key, ResultReported{key.first, key.second, result});
}

void Agent::end(AttemptKey key, Outcome outcome, std::string message) {
  AttemptEnded ended;
  ended.job = key.first;
  ended.attempt = key.second;
  ended.outcome = outcome;
  ended.message = std::move(message);
  ended.at_ms = world_.now;
  if (const auto gang = gangs_.find(key); gang != gangs_.end()) ended.last_step = gang->second.step;
  gangs_.erase(key);
  world_.gangs.erase(key);
  open_[key] = next_sequence_;
  report(key, ended);
}

void Agent::report(AttemptKey, AgentEvent event) {
  spool_.push_back({next_sequence_++, std::move(event)});
  send_spool();
}

void Agent::send_spool() {
  if (!up_ || spool_.empty()) return;
  const std::size_t count = std::min<std::size_t>(spool_.size(), 16);
  send_(AgentEvents{id_, {spool_.begin(), spool_.begin() + static_cast<std::ptrdiff_t>(count)}});
}

}  // namespace tagalign::simulation
