#include "tests/simulation/gangs/gang.h"

#include <algorithm>
#include <csignal>
#include <iterator>

#include "base/exit_codes.h"
#include "base/format.h"

namespace tagalign::simulation {
namespace {

using namespace wire;

/// Of a node that nothing is heard of.
constexpr std::int64_t kGivenUpAfterMs = 5'000;
constexpr std::int64_t kLookMs = 500;
constexpr std::int64_t kSlowStepMsMax = 15'000;
constexpr std::int64_t kSlowCheckpointMsMax = 40'000;

/// The counts follow from the key alone: every run of an evaluation finds the same.
EvaluationResult result_of(const std::vector<std::string>& overrides) {
  EvaluationResult result;
  result.key = overrides.empty() ? "none" : overrides.back();
  result.dataset = "voc";
  result.images = 10;
  result.classes = {"a", "b"};
  result.intersect = {result.key.size(), 2};
  result.union_ = result.predicted = result.labelled = {result.key.size() + 3, 4};
  return result;
}

}  // namespace

void Gang::begin(const std::shared_ptr<Part>& head) {
  deaf_ = world_.strikes(world_.weather.wedge, "deaf program");
  if (world_.strikes(world_.weather.slow, "slow program")) step_ms_max_ = kSlowStepMsMax;
  parts_.resize(program_.ranks_of_parts.size());
  parts_[0] = head;
  if (parts_.size() > 1) ++world_.misfortunes["gang over several nodes"];
  for (std::size_t part = 1; part < parts_.size(); ++part) {
    world_.after(world_.between(5, 100), [self = shared_from_this(), part] {
      if (self->over_) return;
      self->head().ask_for_daemon(part, [self] { self->finish(1); });
    });
  }
  start();
  watch_links();
}

bool Gang::join(const std::shared_ptr<Part>& part) {
  if (over_ || !linked(*part)) return false;
  parts_.at(part->program().part) = part;
  start();
  return true;
}

/// Once all nodes are there.
void Gang::start() {
  if (std::ranges::any_of(parts_, [](const auto& part) { return part == nullptr; })) return;
  for (const auto& part : parts_) std::ranges::copy(part->ranks(), std::back_inserter(ranks_));
  SharedFiles::Folder& folder = world_.files.jobs[program_.key.first];
  folder.lease = std::max(folder.lease, program_.key.second);
  for (const auto& rank : ranks_) {
    if (!folder.steps.empty()) rank->step = folder.steps.rbegin()->first;
    rank->when_alone = [self = shared_from_this(), &rank = *rank] {
      self->end_rank(rank, {.code = to_int(ExitCode::kPeerLost)});
    };
    world_.after(world_.between(10, 800), [rank] { rank->hello(); });
  }
  resume(folder.steps.begin());
}

bool Gang::linked(const Part& part) const {
  return world_.linked(head().agent(), part.agent());
}

bool Gang::all_linked() const {
  return std::ranges::all_of(parts_, [&](const auto& part) { return linked(*part); });
}

/// What the kernel's keep-alive tells launcher and daemons of each other.
void Gang::watch_links() {
  if (over_) return;
  for (std::size_t i = 1; i < parts_.size(); ++i) {
    if (!parts_[i]) continue;
    if (linked(*parts_[i]) && !parts_[i]->silent) {
      apart_since_ms_.erase(i);
    } else if (world_.now - apart_since_ms_.try_emplace(i, world_.now).first->second >=
               kGivenUpAfterMs) {
      ++world_.misfortunes["nodes apart"];
      parts_[i]->end_launcher({.code = 1}, true);
      return finish(1);
    }
  }
  if (parts_.size() > 1)
    world_.after(kLookMs, [self = shared_from_this()] { self->watch_links(); });
}

/// A gang that takes over reports what is there: its predecessor may have died before it could.
void Gang::resume(std::map<std::uint64_t, CheckpointInfo>::const_iterator next) {
  if (next == world_.files.jobs[program_.key.first].steps.end()) return advance_later();
  report(CheckpointCommitted{program_.key.first, program_.key.second, next->second},
         [this, next] { resume(std::next(next)); });
}

void Gang::advance_later() {
  world_.after(world_.between(100, step_ms_max_), [self = shared_from_this()] { self->advance(); });
}

bool Gang::told_to_leave() const {
  return !deaf_ && std::ranges::any_of(ranks_, [](const auto& r) { return r->told_to_leave(); });
}

/// One step of all ranks together: when one of them does not move, all wait until they are ended.
void Gang::advance() {
  if (!std::ranges::all_of(ranks_, [](const auto& rank) { return rank->gets_on(); })) return;
  if (!all_linked()) return advance_later();
  if (misfortune()) return;
  const bool leaving = told_to_leave();
  if (program_.verb == "train") return train_step(leaving);
  if (leaving) return leave(to_int(ExitCode::kRequeue));
  if (program_.verb == "evaluate") return evaluate();
  leave(0);
}

/// True when the step does not happen.
bool Gang::misfortune() {
  Rank& rank = *ranks_[world_.random.below(ranks_.size())];
  const Weather& weather = world_.weather;
  if (world_.strikes(weather.rank_death, "rank killed")) {
    end_rank(rank, {.signal = SIGKILL});
  } else if (world_.strikes(weather.program_error, "program error")) {
    fail(rank, 1, "assertion failed");
  } else if (world_.strikes(weather.program_error, "program crash")) {
    end_rank(rank, {.signal = SIGSEGV});
  } else if (world_.strikes(weather.wedge / 4, "silent rank")) {
    rank.fall_silent();
  } else if (world_.strikes(world_.weather.wedge / 4, "hung rank")) {
    for (const auto& other : ranks_) {
      if (other.get() != &rank) other->wait_in_collective();
    }
    rank.hang();
  } else {
    return false;
  }
  return true;
}

void Gang::train_step(bool leaving) {
  if (!leaving && step() < world_.pace.steps) {
    for (const auto& rank : ranks_) ++rank->step;
  }
  enter(Phase::kStep);
  const bool due = leaving || step() % world_.pace.steps_per_checkpoint == 0;
  const auto then = [this, leaving] {
    if (leaving) return leave(to_int(ExitCode::kRequeue));
    if (step() >= world_.pace.steps) return leave(0);
    advance_later();
  };
  if (!due) return then();
  enter(Phase::kSave);
  const bool slow = world_.strikes(world_.weather.slow, "slow checkpoint");
  world_.after(slow ? world_.between(1'000, kSlowCheckpointMsMax) : 0,
               [self = shared_from_this(), leaving, then] { self->publish(!leaving, then); });
}

void Gang::enter(Phase phase) {
  for (const auto& rank : ranks_) rank->enter(phase);
}

/// The shards are written; meanwhile the gang may have ended.
void Gang::publish(bool scheduled, const std::function<void()>& then) {
  if (!first().moves()) return;
  if (const auto info = commit(scheduled))
    report(CheckpointCommitted{program_.key.first, program_.key.second, *info}, [this, then] {
      enter(Phase::kStep);
      then();
    });
}

/// nullopt when the lease belongs to a newer attempt, or a rank died between the
/// commit and its report.
std::optional<CheckpointInfo> Gang::commit(bool scheduled) {
  const JobId job = program_.key.first;
  SharedFiles::Folder& folder = world_.files.jobs[job];
  if (folder.lease != program_.key.second) {
    ++world_.misfortunes["lease lost"];
    fail(first(), 1, "the lease belongs to a newer attempt");
    return std::nullopt;
  }
  if (program_.key.second < folder.published) {
    world_.violation(format("job {}: attempt {} published after attempt {} had", job.value,
                            program_.key.second.value, folder.published.value));
  }
  folder.published = program_.key.second;
  const CheckpointInfo info{step(), format("/jobs/{}/step-{}", job.value, step()),
                            format("d{}-{}", job.value, step()), scheduled};
  const auto [entry, added] = folder.steps.try_emplace(step(), info);
  if (!added && scheduled) entry->second.scheduled = true;
  if (world_.strikes(world_.weather.rank_death, "killed after the commit")) {
    end_rank(first(), {.signal = SIGKILL});
    return std::nullopt;
  }
  return entry->second;
}

void Gang::evaluate() {
  report(ResultReported{program_.key.first, program_.key.second, result_of(program_.overrides)},
         [this] { leave(0); });
}

/// Rank 0 reports and waits; an agent that does not take it ends the program.
void Gang::report(const FromRank& event, std::function<void()> then) {
  first().report(event, [self = shared_from_this(), then = std::move(then)](bool held) {
    if (held) return then();
    ++self->world_.misfortunes["event not taken"];
    self->fail(self->first(), 1, "the agent has not acknowledged the event");
  });
}

void Gang::leave(int code) {
  for (const auto& rank : ranks_) {
    world_.after(world_.between(1, 150), [self = shared_from_this(), rank, code] {
      rank->farewell(code, "", [self, rank, code](bool) { self->end_rank(*rank, {.code = code}); });
    });
  }
}

void Gang::fail(Rank& rank, int code, const std::string& reason) {
  rank.farewell(code, reason, [self = shared_from_this(), &rank, code](bool) {
    self->end_rank(rank, {.code = code});
  });
}

void Gang::end_rank(Rank& rank, ExitStatus status) {
  for (const auto& part : parts_) {
    if (part && part->find_rank(rank.peer()) == &rank) return part->on_rank_end(rank, status);
  }
}

/// Of another node the launcher hears over the network.
void Gang::rank_ended(Part& part, ExitStatus status) {
  if (over_ || part.silent) return;
  if (&part == &head()) return launcher_sees(status);
  if (!linked(part)) return;
  world_.after(world_.between(1, 40), [self = shared_from_this(), status] {
    if (!self->over_) self->launcher_sees(status);
  });
}

/// As mpirun does: the first failure ends the other ranks, and its code becomes the launcher's.
void Gang::launcher_sees(ExitStatus status) {
  const bool all_left =
      std::ranges::none_of(ranks_, [](const auto& rank) { return rank->alive(); });
  if (status.ok() && !all_left) return;
  if (!status.ok()) head().hung = world_.strikes(world_.weather.wedge, "launcher hung");
  if (head().hung) return;
  const int code = status.signal != 0 ? 128 + status.signal : status.code;
  over_ = true;
  world_.after(world_.between(5, 400), [self = shared_from_this(), code] { self->finish(code); });
}

void Gang::finish(int code) {
  over_ = true;
  if (head().launcher_exit()) return;
  if (code == 0) world_.finished.insert(program_.key.first);
  head().end_launcher({.code = code}, true);
}

/// Without the launcher no daemon stays; a daemon that ends takes the gang along.
void Gang::launcher_ended(Part& part) {
  if (&part != &head()) {
    if (over_ || part.silent || !linked(part)) return;
    world_.after(world_.between(1, 40), [self = shared_from_this()] { self->finish(1); });
    return;
  }
  over_ = true;
  for (const auto& other : parts_) {
    if (other && other.get() != &part) end_part(other, part.launcher_exit()->ok() ? 0 : 1);
  }
}

/// At once over the network; where that is cut, or the machine is gone, after the keep-alive's time.
void Gang::end_part(const std::shared_ptr<Part>& part, int code) {
  const bool told = linked(*part) && !head().silent;
  const std::int64_t delay_ms = told ? world_.between(1, 40) : kGivenUpAfterMs;
  world_.after(delay_ms, [self = shared_from_this(), part, code] {
    part->end_launcher({.code = code}, true);
  });
}

}  // namespace tagalign::simulation
