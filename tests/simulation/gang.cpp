#include "tests/simulation/gang.h"

#include <algorithm>
#include <csignal>
#include <sstream>

#include "base/exit_codes.h"
#include "base/format.h"

namespace tagalign::simulation {
namespace {

using namespace wire;

constexpr std::uint64_t kStepsTotal = 12;
constexpr std::uint64_t kStepsPerCheckpoint = 3;
constexpr std::uint64_t kConfigBytesMax = 1'000;
constexpr std::string_view kSlotsKey = "slots_per_rank: ";
constexpr std::int64_t kSlowStepMsMax = 15'000;
constexpr std::int64_t kSlowCheckpointMsMax = 40'000;
constexpr int kKilled = 128 + SIGKILL;

/// The counts follow from the key alone: every run of an evaluation finds the same.
EvaluationResult result_of(const std::vector<std::string>& overrides) {
  EvaluationResult result;
  result.key = overrides.empty() ? "none" : overrides.back();
  result.images = 10;
  result.classes = {"a", "b"};
  result.intersect = {result.key.size(), 2};
  result.union_ = result.predicted = result.labelled = {result.key.size() + 3, 4};
  return result;
}

}  // namespace

std::string configuration(int slots_per_rank) {
  return format("{}{}\n", kSlotsKey, slots_per_rank);
}

Result<Program> read_program(const ProcessOptions& options, FileSystem& disk) {
  const auto number = [&](const char* name) { return std::stoull(options.environment.at(name)); };
  Program program;
  program.key = {JobId{number("TAGALIGN_JOB")},
                 Attempt{static_cast<std::uint32_t>(number("TAGALIGN_ATTEMPT"))}};
  if (const auto gpus = options.environment.find("CUDA_VISIBLE_DEVICES");
      gpus != options.environment.end()) {
    std::istringstream list(gpus->second);
    for (std::string name; std::getline(list, name, ',');) program.gpus.push_back(name);
  }
  program.mark = options.environment.at("TAGALIGN_GANG");
  const std::vector<std::string>& words = options.command;
  for (std::size_t i = 0; i + 1 < words.size(); ++i) {
    if (words[i] == "-n") program.ranks = std::stoi(words[i + 1]);
    if (words[i] == "--set") program.overrides.push_back(words[i + 1]);
    if (words[i + 1] == "--config") program.verb = words[i];
    if (words[i] == "--config") {
      TA_ASSIGN_OR_RETURN(const std::string text, disk.read_file(words[i + 1], kConfigBytesMax));
      program.slots = program.ranks * std::stoi(text.substr(kSlotsKey.size()));
    }
  }
  return program;
}

Gang::Gang(World& world, Program program, int first_pid, const Rank::Send& send, Died died)
    : world_(world),
      program_(std::move(program)),
      launcher_pid_(first_pid),
      died_(std::move(died)) {
  for (int number = 0; number < program_.ranks; ++number) {
    ranks_.push_back(
        std::make_shared<Rank>(world, program_.key, number, first_pid + 1 + number, send));
  }
}

void Gang::begin() {
  deaf_ = world_.strikes(world_.weather.wedge, "deaf program");
  if (world_.strikes(world_.weather.slow, "slow program")) step_ms_max_ = kSlowStepMsMax;
  SharedFiles::Folder& folder = world_.files.jobs[program_.key.first];
  folder.lease = std::max(folder.lease, program_.key.second);
  for (const auto& rank : ranks_) {
    if (!folder.steps.empty()) rank->step = folder.steps.rbegin()->first;
    world_.after(world_.between(10, 800), [rank] { rank->hello(); });
  }
  resume(folder.steps.begin());
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
  if (!std::ranges::all_of(ranks_, [](const auto& rank) { return rank->moves(); })) return;
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
    on_rank_end(rank, {.signal = SIGKILL});
  } else if (world_.strikes(weather.program_error, "program error")) {
    fail(rank, 1, "assertion failed");
  } else if (world_.strikes(weather.program_error, "program crash")) {
    on_rank_end(rank, {.signal = SIGSEGV});
  } else if (world_.strikes(weather.wedge / 4, "silent rank")) {
    rank.fall_silent();
  } else {
    return false;
  }
  return true;
}

void Gang::train_step(bool leaving) {
  if (!leaving && step() < kStepsTotal) {
    for (const auto& rank : ranks_) ++rank->step;
  }
  const bool due = leaving || step() % kStepsPerCheckpoint == 0;
  const auto then = [this, leaving] {
    if (leaving) return leave(to_int(ExitCode::kRequeue));
    if (step() >= kStepsTotal) return leave(0);
    advance_later();
  };
  if (!due) return then();
  const bool slow = world_.strikes(world_.weather.slow, "slow checkpoint");
  world_.after(slow ? world_.between(1'000, kSlowCheckpointMsMax) : 0,
               [self = shared_from_this(), leaving, then] { self->publish(!leaving, then); });
}

/// The shards are written; meanwhile the gang may have ended.
void Gang::publish(bool scheduled, const std::function<void()>& then) {
  if (!ranks_.front()->moves()) return;
  if (const auto info = commit(scheduled))
    report(CheckpointCommitted{program_.key.first, program_.key.second, *info}, then);
}

/// nullopt when the lease belongs to a newer attempt, or a rank died between the
/// commit and its report.
std::optional<CheckpointInfo> Gang::commit(bool scheduled) {
  const JobId job = program_.key.first;
  SharedFiles::Folder& folder = world_.files.jobs[job];
  if (folder.lease != program_.key.second) {
    ++world_.misfortunes["lease lost"];
    fail(*ranks_.front(), 1, "the lease belongs to a newer attempt");
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
    on_rank_end(*ranks_.front(), {.signal = SIGKILL});
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
  ranks_.front()->report(event, [self = shared_from_this(), then = std::move(then)](bool held) {
    if (held) return then();
    ++self->world_.misfortunes["event not taken"];
    self->fail(*self->ranks_.front(), 1, "the agent has not acknowledged the event");
  });
}

void Gang::leave(int code) {
  for (const auto& rank : ranks_) {
    world_.after(world_.between(1, 150), [self = shared_from_this(), rank, code] {
      rank->farewell(code, "",
                     [self, rank, code](bool) { self->on_rank_end(*rank, {.code = code}); });
    });
  }
}

void Gang::fail(Rank& rank, int code, const std::string& reason) {
  rank.farewell(code, reason, [self = shared_from_this(), &rank, code](bool) {
    self->on_rank_end(rank, {.code = code});
  });
}

void Gang::on_rank_end(Rank& rank, ExitStatus status) {
  if (!rank.alive()) return;
  rank.die();
  died_(rank.pid());
  if (!exit_ && !aborts_) launcher_sees(status);
}

/// As mpirun does: the first failure ends the other ranks, and its code becomes the launcher's.
void Gang::launcher_sees(ExitStatus status) {
  const bool over = std::ranges::none_of(ranks_, [](const auto& rank) { return rank->alive(); });
  if (status.ok() && !over) return;
  aborts_ = true;
  if (!status.ok()) hung_ = world_.strikes(world_.weather.wedge, "launcher hung");
  if (hung_) return;
  const int code = status.signal != 0 ? 128 + status.signal : status.code;
  world_.after(world_.between(5, 400),
               [self = shared_from_this(), code] { self->end_launcher({.code = code}, true); });
}

void Gang::end_launcher(ExitStatus status, bool kill_ranks) {
  if (exit_) return;
  exit_ = status;
  if (status.ok()) world_.finished.insert(program_.key.first);
  for (const auto& rank : ranks_) {
    if (kill_ranks) on_rank_end(*rank, {.signal = SIGKILL});
  }
  died_(launcher_pid_);
}

void Gang::signal_launcher(int signal) {
  if (exit_) return;
  if (signal == SIGKILL) {
    const bool orphans = world_.strikes(world_.weather.orphan, "orphaned ranks");
    return end_launcher({.signal = SIGKILL}, !orphans);
  }
  if (hung_) return;
  world_.after(world_.between(5, 1'000),
               [self = shared_from_this()] { self->end_launcher({.code = kKilled}, true); });
}

void Gang::kill_process(int pid) {
  if (pid == launcher_pid_) return signal_launcher(SIGKILL);
  for (const auto& rank : ranks_) {
    if (rank->pid() == pid) on_rank_end(*rank, {.signal = SIGKILL});
  }
}

void Gang::power_cut() {
  end_launcher({.signal = SIGKILL}, true);
  for (const auto& rank : ranks_) on_rank_end(*rank, {.signal = SIGKILL});
}

std::vector<int> Gang::living() const {
  std::vector<int> pids;
  if (!exit_) pids.push_back(launcher_pid_);
  for (const auto& rank : ranks_) {
    if (rank->alive()) pids.push_back(rank->pid());
  }
  return pids;
}

Rank* Gang::find_rank(const std::string& peer) {
  for (const auto& rank : ranks_) {
    if (rank->peer() == peer) return rank.get();
  }
  return nullptr;
}

}  // namespace tagalign::simulation
