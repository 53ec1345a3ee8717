#include "tests/simulation/slurm/slurm.h"

#include <algorithm>

#include "base/format.h"

namespace tagalign::simulation {
namespace {

constexpr std::int64_t kLookMs = 1'500;
constexpr std::int64_t kSoonMsMax = 15'000;
constexpr std::int64_t kLongMsMax = 200'000;
constexpr std::int64_t kShortMsMin = 20'000;
constexpr std::int64_t kShortMsMax = 120'000;
constexpr std::int64_t kGraceMsMax = 30'000;      ///< between the notice of a preemption and it
constexpr std::int64_t kCompletingMsMax = 8'000;  ///< squeue shows what is over
constexpr std::int64_t kOutOfSightMsMax = 60'000;
constexpr const char* kTerminated = "Slurm has said that the allocation ends";

bool is_live(const SlurmJob& job) {
  return job.state == "PENDING" || job.state == "RUNNING";
}

/// As an agent inside of Slurm names itself.
AgentId agent_id(const SlurmJob& job, int node) {
  const std::string again = job.restarts > 0 ? format(".{}", job.restarts) : "";
  return {format("c{}-{}{}", node + 1, job.number, again)};
}

int slots_of(World& world, const wire::SlurmSource& source) {
  const int asked = std::max(source.gpus_per_node, source.cpus_per_node);
  return asked > 0 ? asked : static_cast<int>(world.between(4, 6));
}

}  // namespace

/// Another coordinator of the same user, with a pool of the same name.
Slurm::Slurm(World& world, AddNode add_node) : world_(world), add_node_(std::move(add_node)) {
  SlurmJob foreign{.number = "7", .name = "tagalign-cluster-1", .ours = false, .pool = {}};
  foreign.state = "RUNNING";
  jobs_.emplace(foreign.number, foreign);
}

void Slurm::later(const SlurmJob& job, std::int64_t delay_ms, Step step) {
  world_.after(delay_ms, [this, number = job.number, turn = job.turn, step] {
    const auto found = jobs_.find(number);
    if (found != jobs_.end() && found->second.turn == turn) (this->*step)(found->second);
  });
}

// ---------------------------------------------------------------- what its programs do

std::string Slurm::submit(const wire::PoolSpec& pool, const std::string& token) {
  check_maximum(pool);
  SlurmJob job{.number = format("{}", numbers_++),
               .name = core::job_name_of(pool.name, token),
               .pool = pool,
               .reason = "Priority"};
  SlurmJob& added = jobs_.emplace(job.number, job).first->second;
  wait_for_nodes(added);
  return added.number;
}

void Slurm::check_maximum(const wire::PoolSpec& pool) {
  const int most = std::get<wire::SlurmSource>(pool.source).max;
  const auto there = std::ranges::count_if(
      jobs_, [&](const auto& entry) { return is_live(entry.second) && entry.second.pool == pool; });
  if (there >= most) {
    world_.violation(format("pool {} asks for another allocation, and {} of at most {} are there",
                            pool.name, there, most));
  }
}

std::vector<core::QueueRow> Slurm::queue() const {
  std::vector<core::QueueRow> rows;
  for (const auto& [number, job] : jobs_) {
    rows.push_back({.number = number,
                    .name = job.name,
                    .ours = job.ours,
                    .state = job.state,
                    .reason = job.reason,
                    .nodes = job.nodes.empty() ? "" : format("c[1-{}]", job.nodes.size()),
                    .ends_ms = job.ends_ms,
                    .restarts = job.restarts});
  }
  return rows;
}

std::vector<core::AccountingRow> Slurm::accounting(const std::vector<std::string>& numbers) const {
  std::vector<core::AccountingRow> rows;
  for (const std::string& number : numbers) {
    const auto ended = ended_.find(number);
    if (ended != ended_.end()) rows.push_back(ended->second);
    const SlurmJob* job = find(number);
    if (job && is_live(*job)) rows.push_back({number, job->state, 0});
  }
  return rows;
}

void Slurm::cancel(const std::string& number) {
  const auto job = jobs_.find(number);
  if (job == jobs_.end() || !is_live(job->second)) return;
  ++world_.misfortunes["allocation given back"];
  end(job->second, "CANCELLED by 1000", 0);
}

const SlurmJob* Slurm::find(const std::string& number) const {
  const auto job = jobs_.find(number);
  return job == jobs_.end() ? nullptr : &job->second;
}

std::vector<std::string> Slurm::live() const {
  std::vector<std::string> numbers;
  for (const auto& [number, job] : jobs_) {
    if (job.ours && is_live(job)) numbers.push_back(number);
  }
  return numbers;
}

std::vector<Node*> Slurm::nodes() const {
  std::vector<Node*> all;
  for (const auto& [number, job] : jobs_) all.insert(all.end(), job.nodes.begin(), job.nodes.end());
  return all;
}

// ---------------------------------------------------------------- the life of a job

void Slurm::wait_for_nodes(SlurmJob& job) {
  const bool long_wait = world_.strikes(world_.weather.slurm_full, "allocation waits long");
  later(job, world_.between(500, long_wait ? kLongMsMax : kSoonMsMax), &Slurm::start);
}

void Slurm::start(SlurmJob& job) {
  ++job.turn;
  job.state = "RUNNING";
  job.reason = "None";
  const auto& source = std::get<wire::SlurmSource>(job.pool.source);
  job.ends_ms = world_.unix_ms() + source.time_limit_s * 1'000;
  add_nodes(job);
  plan_ends(job);
}

/// Some end long before what was announced.
void Slurm::plan_ends(SlurmJob& job) {
  const auto& source = std::get<wire::SlurmSource>(job.pool.source);
  std::int64_t limit_ms = source.time_limit_s * 1'000;
  if (world_.strikes(world_.weather.early_end, "allocation cut short"))
    limit_ms = std::min(limit_ms, world_.between(kShortMsMin, kShortMsMax));
  later(job, limit_ms, &Slurm::reach_limit);
  const std::int64_t warned_ms = limit_ms - source.signal_before_end_s * 1'000;
  if (!world_.strikes(world_.weather.early_end, "allocation not warned"))
    later(job, std::max(warned_ms, kShortMsMin / 2), &Slurm::warn);
  later(job, kLookMs, &Slurm::look);
}

void Slurm::add_nodes(SlurmJob& job) {
  const auto& source = std::get<wire::SlurmSource>(job.pool.source);
  const int slots = slots_of(world_, source);
  for (int i = 0; i < source.nodes; ++i) {
    if (world_.strikes(world_.weather.launch_error, "agent of an allocation never starts"))
      continue;
    wire::AgentPlace place{.pool = job.pool.name,
                           .allocation = job.number,
                           .node = format("c{}", i + 1),
                           .ends_ms = job.ends_ms,
                           .socket = {},
                           .launcher = job.pool.launcher};
    Node& node = add_node_(
        {.id = agent_id(job, i), .slots = slots, .gpus = source.gpus_per_node > 0, .place = place});
    job.nodes.push_back(&node);
    world_.after(world_.between(300, 8'000), [&node] { node.start(); });
  }
}

/// Its script ends with the last of its agents.
void Slurm::look(SlurmJob& job) {
  if (!std::ranges::all_of(job.nodes, [](Node* node) { return node->ended(); }))
    return later(job, kLookMs, &Slurm::look);
  job.nodes.empty() ? end(job, "FAILED", 1) : end(job, "COMPLETED", 0);
}

void Slurm::warn(SlurmJob& job) {
  ++world_.misfortunes["allocation warned"];
  for (Node* node : job.nodes) node->ask_to_leave(kTerminated);
}

void Slurm::reach_limit(SlurmJob& job) {
  ++world_.misfortunes["allocation at its limit"];
  end(job, "TIMEOUT", 0);
}

void Slurm::fail(SlurmJob& job) {
  end(job, "NODE_FAIL", 1);
}

void Slurm::requeue(SlurmJob& job) {
  ++job.turn;
  ++job.restarts;
  take_nodes(job);
  job.state = "PENDING";
  job.reason = "BeginTime";
  job.ends_ms = 0;
  wait_for_nodes(job);
}

void Slurm::end(SlurmJob& job, const std::string& how, int exit_code) {
  ++job.turn;
  job.state = "COMPLETING";
  take_nodes(job);
  if (!world_.strikes(world_.weather.slurm_loss, "accounting lost"))
    ended_[job.number] = {job.number, how, exit_code};
  later(job, world_.between(0, kCompletingMsMax), &Slurm::forget);
}

void Slurm::forget(SlurmJob& job) {
  jobs_.erase(std::string(job.number));
}

/// The machines go at once; where Slurm has lost sight of them they live on for a while.
void Slurm::take_nodes(SlurmJob& job) {
  for (Node* node : job.nodes) {
    if (std::ranges::find(out_of_sight_, node) == out_of_sight_.end()) node->retire();
  }
  job.nodes.clear();
}

// ---------------------------------------------------------------- misfortunes

SlurmJob* Slurm::any_running() {
  std::vector<SlurmJob*> running;
  for (auto& [number, job] : jobs_) {
    if (job.ours && job.state == "RUNNING") running.push_back(&job);
  }
  return running.empty() ? nullptr : running[world_.random.below(running.size())];
}

void Slurm::strike() {
  SlurmJob* job = any_running();
  if (job == nullptr) return;
  switch (world_.random.below(5)) {
    case 0:
      return preempt(*job);
    case 1:
      ++world_.misfortunes["allocation cancelled by others"];
      return end(*job, "CANCELLED by 0", 0);
    case 2:
      ++world_.misfortunes["allocation lost its machines"];
      return world_.random.chance(0.5) ? fail(*job) : requeue(*job);
    case 3:
      return lose_sight(*job);
    default:
      if (job->nodes.empty()) return;
      ++world_.misfortunes["machine of an allocation gone"];
      return job->nodes[world_.random.below(job->nodes.size())]->retire();
  }
}

void Slurm::preempt(SlurmJob& job) {
  ++world_.misfortunes["allocation preempted"];
  for (Node* node : job.nodes) node->ask_to_leave("Slurm preempts the allocation");
  ++job.turn;
  later(job, world_.between(0, kGraceMsMax), &Slurm::requeue);
}

/// Controller and nodes are apart: what runs there reaches the coordinator as before.
void Slurm::lose_sight(SlurmJob& job) {
  ++world_.misfortunes["Slurm apart from its nodes"];
  for (Node* node : job.nodes) {
    out_of_sight_.push_back(node);
    world_.after(world_.between(2'000, kOutOfSightMsMax), [node] { node->retire(); });
  }
  world_.random.chance(0.5) ? fail(job) : requeue(job);
}

void Slurm::heal() {
  reachable = true;
  for (Node* node : out_of_sight_) node->retire();
  for (auto& [number, job] : jobs_) {
    if (job.state != "PENDING") continue;
    ++job.turn;
    wait_for_nodes(job);
  }
}

}  // namespace tagalign::simulation
