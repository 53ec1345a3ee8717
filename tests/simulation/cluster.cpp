#include "tests/simulation/cluster.h"

#include <memory>

#include "base/format.h"
#include "coordinator/core/health.h"
#include "tests/simulation/checks.h"
#include "tests/simulation/client.h"
#include "tests/simulation/coordinator/coordinator.h"
#include "tests/simulation/machines/node.h"
#include "tests/simulation/network.h"
#include "tests/simulation/slurm/pool_user.h"
#include "tests/simulation/strikes.h"
#include "tests/simulation/workflows.h"

namespace tagalign::simulation {
namespace {

constexpr int kReleases = 6;
/// Of a workflow of hundreds of jobs in calm weather.
constexpr UnixMs kLongMs = 20'000'000;
/// Until the last allocation has gone after the last job.
constexpr UnixMs kGiveBackMs = 600'000;
/// Every so many-th seed runs on the real SQLite store, which takes longer.
constexpr std::uint64_t kSeedsPerSqlite = 3;
/// Every so many-th seed has a Slurm, and somebody who adds a pool of it. No other draws anything
/// for them, so that it names the run that it did without.
constexpr std::uint64_t kSeedsPerSlurm = 4;

constexpr Pace kDay{.weather_ms = 24 * 3'600'000,
                    .calm_ms = 24 * 3'600'000,  // one node may be left for all workflows
                    .users = 5,
                    .rounds = 10,
                    .strikes = 12,
                    .per_step = 0.02,
                    .steps = 400,
                    .steps_per_checkpoint = 40};

class Cluster {
 public:
  /// `only`: what the one client submits; nullptr: drawn, as is how many there are.
  explicit Cluster(std::uint64_t seed, const wire::WorkflowSpec* only = nullptr, Pace pace = {})
      : world_(seed, pace),
        network_(world_),
        slurm_(seed % kSeedsPerSlurm == 0
                   ? std::make_unique<Slurm>(
                         world_,
                         [this](NodeKind kind) -> Node& { return add_allocated(std::move(kind)); })
                   : nullptr),
        coordinator_(
            world_, seed % kSeedsPerSqlite == 0,
            {.slurm = slurm_.get(),
             .send = [this](const std::string& peer, wire::Frame f) { down(peer, std::move(f)); },
             .started = [this] { reconnect(); },
             .pool_nodes = [this] { return strikes_.pooled(); }}),
        strikes_({.world = world_,
                  .network = network_,
                  .coordinator = coordinator_,
                  .nodes = nodes_,
                  .clients = clients_,
                  .slurm = slurm_.get(),
                  .lasting = [this](int number) { return stays(number); }}) {
    const auto nodes = world_.between(1, 4);
    spans_ = nodes > 1 && world_.random.chance(0.5);
    for (int i = 0; i < nodes; ++i) add_node(i);
    if (slurm_) add_pool_user();
    const auto clients = world_.between(1, 4) * pace.users;
    for (int i = 0; i < clients && !only; ++i) add_client(i);
    if (only) add_client(0, *only);
  }

  CrashRun run_calm(CrashPoint point) {
    world_.crash_point = point;
    world_.allocations_end = false;
    coordinator_.start();
    for (const auto& node : nodes_) {
      if (!node->pooled()) node->start();
    }
    clients_.front()->start();
    while (!all_done() && world_.step(start_ + kLongMs)) {
    }
    const std::uint64_t commits = world_.commits;
    check();
    CrashRun run{world_.violations, commits, world_.gangs_at_kill, 0, 0};
    for (const auto& [id, job] : coordinator_.state().jobs) {
      ++run.jobs;
      run.attempts += job.attempts.size();
    }
    return run;
  }

  Summary run() {
    world_.weather = some_weather(world_);
    if (slurm_) add_slurm_weather(world_);
    strikes_.spare();
    coordinator_.start();
    for (const auto& node : nodes_) {
      if (!node->pooled()) node->start();
    }
    for (const auto& client : clients_) {
      world_.after(world_.between(0, world_.pace.weather_ms * 5 / 6),
                   [&client] { client->start(); });
    }
    strikes_.begin();
    if (world_.bounds && nodes_.size() > 1) world_.broken.insert(nodes_.back()->id());
    if (user_) user_->start();
    while (world_.step(start_ + world_.pace.weather_ms)) {
    }
    world_.misfortunes["gang in bad weather"] = static_cast<int>(world_.launched.size());
    heal();
    const UnixMs end = start_ + world_.pace.weather_ms + world_.pace.calm_ms;
    while (!all_done() && world_.step(end)) {
    }
    if (slurm_) give_back();
    check();
    return summarise();
  }

 private:
  /// One machine can hold every job, needs no pool, and stays; two where a job needs as many.
  bool stays(int number) const { return number == 0 || (spans_ && number == 1); }
  void add_node(int number) {
    const bool first = stays(number);
    const int slots_min = first ? kTrainRanks * kSlotsPerRankMax : kTrainRanks;
    nodes_.push_back(std::make_unique<Node>(
        world_,
        NodeKind{.id = {format("node{}", number)},
                 .slots = static_cast<int>(world_.between(slots_min, slots_min + 3)),
                 .gpus = world_.random.chance(0.5),
                 .pooled = !first && world_.random.chance(0.5),
                 .allocated = world_.random.chance(0.2)},
        [this](Node& from, wire::Frame f) { up(from, std::move(f)); }));
  }
  Node& add_allocated(NodeKind kind) {
    allocated_.push_back(std::make_unique<Node>(
        world_, std::move(kind), [this](Node& from, wire::Frame f) { up(from, std::move(f)); }));
    return *allocated_.back();
  }
  void add_client(int number) {
    wire::WorkflowSpec spec =
        workflow(number, static_cast<int>(world_.between(1, kSlotsPerRankMax)), spans_);
    if (user_ && user_->plan().needed && world_.random.chance(0.6)) pin(spec, user_->plan().spec);
    if (world_.bounds) put_bounds(spec, world_);
    if (world_.people) put_in_order(spec, world_);
    add_client(number, std::move(spec));
  }
  void add_client(int number, wire::WorkflowSpec spec) {
    clients_.push_back(std::make_unique<Client>(
        world_, number, std::move(spec),
        [this](const Client& from, wire::Frame f) { up(from, std::move(f)); }));
  }
  void add_pool_user() {
    user_ = std::make_unique<PoolUser>(
        world_, some_pool(world_, spans_),
        PoolUser::Around{
            .request =
                [this](const wire::ClientRequest& message) { clients_.front()->request(message); },
            .look = [this] { return coordinator_.up() ? &coordinator_.state() : nullptr; }});
  }
  std::vector<Node*> all_nodes() const {
    std::vector<Node*> all;
    for (const auto* group : {&nodes_, &allocated_}) {
      for (const auto& node : *group) all.push_back(node.get());
    }
    return all;
  }

  // -------------------------------------------------------------- messages

  /// A message dies with the process that it was sent to. Only an agent's may come after its
  /// connection has ended, even when another process of the agent has said hello by then.
  void up(Node& from, wire::Frame frame) {
    if (!coordinator_.up()) return from.keep_unsent(std::move(frame));
    network_.carry(
        up_link(from.id()), from.peer() + " up",
        [this, &from, peer = from.peer(), listener = coordinator_.incarnation(),
         f = std::move(frame)] {
          if (listener != coordinator_.incarnation()) return;
          const bool alive = peer == from.peer();
          if (alive || world_.strikes(world_.weather.late_word, "word of an ended connection"))
            coordinator_.receive(peer, wire::PeerRole::kAgent, f);
        });
  }
  void up(const Client& from, wire::Frame frame) {
    network_.carry(from.name(), from.name(),
                   [this, peer = client_peer(from), &from, f = std::move(frame)] {
                     if (peer == client_peer(from)) {
                       coordinator_.receive(peer, wire::PeerRole::kClient, f);
                     }
                   });
  }
  void down(const std::string& peer, wire::Frame frame) {
    for (Node* node : all_nodes()) {
      if (node->peer() != peer) continue;
      network_.carry(down_link(node->id()), peer + " down", [peer, f = frame, to = node] {
        if (to->peer() == peer) to->receive(f);
      });
    }
    for (const auto& client : clients_) {
      if (client_peer(*client) != peer) continue;
      network_.carry(client->name(), peer, [f = frame, to = client.get()] { to->receive(f); });
    }
  }
  std::string client_peer(const Client& client) const {
    return format("{}/{}", client.name(), coordinator_.incarnation());
  }
  void reconnect() {
    for (Node* node : all_nodes()) {
      node->reconnect();
      for (wire::Frame& frame : node->take_unsent()) {
        if (node->up()) up(*node, std::move(frame));
      }
    }
  }

  // -------------------------------------------------------------- the end

  void heal() {
    world_.weather = {};
    world_.broken.clear();
    world_.allocations_end = false;
    strikes_.heal();
    coordinator_.heal();
    for (const auto& node : nodes_) {
      if (!node->pooled()) node->start();
    }
    coordinator_.start();
    if (user_) user_->calm_down();
    if (world_.people) release_all(kReleases);
  }

  /// Again and again: a hold may still be on its way.
  void release_all(int times) {
    clients_.front()->request(
        wire::JobsChangeRequest{{"all"}, wire::JobVerb::kRelease, {}, {}, {}});
    if (times > 1) world_.after(10'000, [this, times] { release_all(times - 1); });
  }

  bool all_done() const {
    if (!coordinator_.up() || !coordinator_.state().index.live.empty() || !world_.gangs.empty()) {
      return false;
    }
    for (const auto& client : clients_) {
      if (!client->acknowledged()) return false;
    }
    return true;
  }

  /// Nothing is left in Slurm's queue when no job needs it any more.
  void give_back() {
    user_->finish();
    const UnixMs end = world_.now + kGiveBackMs;
    while (!gave_back() && world_.step(end)) {
    }
    if (!gave_back()) world_.violation("the pool still holds something when all jobs have ended");
    for (const std::string& number : slurm_->live())
      world_.violation(format("Slurm job {} ({}) is left", number, slurm_->find(number)->name));
    for (const auto& [key, agent] : world_.launched) {
      if (agent.value.starts_with("c")) ++world_.misfortunes["gang in an allocation"];
    }
  }
  bool gave_back() const {
    return coordinator_.up() && user_->is_done(coordinator_.state()) && slurm_->live().empty();
  }

  void check() {
    coordinator_.start();
    check_end(world_, coordinator_.state());
    for (const auto& client : clients_) check_client(world_, coordinator_.state(), *client);
    coordinator_.crash();
    coordinator_.start();  // compares the replay
  }

  Summary summarise() {
    Summary summary{.violations = world_.violations,
                    .story = {},
                    .stored = coordinator_.stored(),
                    .gangs = static_cast<int>(world_.launched.size()),
                    .simulated_ms = world_.now - start_,
                    .misfortunes = world_.misfortunes,
                    .jobs_by_state = {}};
    for (const auto& [id, entry] : coordinator_.state().jobs) {
      ++summary.jobs_by_state[std::string(core::job_state_name(entry.state))];
    }
    if (!summary.violations.empty()) summary.story = story();
    return summary;
  }

  std::vector<std::string> story() const {
    std::vector<std::string> lines;
    for (const auto& [name, pool] : coordinator_.state().pool_records) {
      for (const core::PoolEvent& event : pool.events)
        lines.push_back(format("{} s: {}", (event.at_ms - start_) / 1'000, event.text));
    }
    for (const auto& [id, agent] : coordinator_.state().agents) {
      const bool drained = core::is_drained(coordinator_.state(), id);
      lines.push_back(format(
          "agent {}: {} slots, {}{}", id.value, agent.slots, agent.connected ? "connected" : "gone",
          drained ? ", " + core::drained_text(coordinator_.state(), id, world_.now) : ""));
    }
    return lines;
  }

  World world_;
  const UnixMs start_ = world_.now;
  Network network_;
  std::unique_ptr<Slurm> slurm_;  ///< nullptr where there is none
  Coordinator coordinator_;
  std::vector<std::unique_ptr<Node>> nodes_;
  std::vector<std::unique_ptr<Node>> allocated_;  ///< of Slurm's jobs, since the beginning
  std::vector<std::unique_ptr<Client>> clients_;
  Strikes strikes_;
  std::unique_ptr<PoolUser> user_;  ///< where there is a Slurm
  bool spans_ = false;
};

}  // namespace

Summary run_cluster(std::uint64_t seed) {
  return Cluster(seed).run();
}

Summary run_day(std::uint64_t seed) {
  return Cluster(seed, nullptr, kDay).run();
}

CrashRun run_crash_point(std::uint64_t seed, const wire::WorkflowSpec& only, CrashPoint point) {
  return Cluster(seed, &only).run_calm(point);
}

}  // namespace tagalign::simulation
