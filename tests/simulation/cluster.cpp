#include "tests/simulation/cluster.h"

#include <algorithm>
#include <memory>
#include <set>

#include "base/format.h"
#include "tests/simulation/checks.h"
#include "tests/simulation/client.h"
#include "tests/simulation/coordinator.h"
#include "tests/simulation/network.h"
#include "tests/simulation/node.h"
#include "tests/simulation/workflows.h"

namespace tagalign::simulation {
namespace {

constexpr UnixMs kWeatherMs = 240'000;
constexpr std::uint64_t kKindsOfStrike = 15;
constexpr UnixMs kCalmMs = 900'000;
/// Every so many-th seed runs on the real SQLite store, which takes longer.
constexpr std::uint64_t kSeedsPerSqlite = 3;

std::string up_link(const AgentId& id) {
  return id.value + " up";
}
std::string down_link(const AgentId& id) {
  return id.value + " down";
}

class Cluster {
 public:
  explicit Cluster(std::uint64_t seed)
      : world_(seed),
        network_(world_),
        coordinator_(
            world_, seed % kSeedsPerSqlite == 0,
            {.send = [this](const std::string& peer, wire::Frame f) { down(peer, std::move(f)); },
             .started = [this] { reconnect(); },
             .pool_nodes = [this] { return pooled(); }}) {
    const auto nodes = world_.between(1, 4);
    spans_ = nodes > 1 && world_.random.chance(0.5);
    for (int i = 0; i < nodes; ++i) add_node(i);
    const auto clients = world_.between(1, 4);
    for (int i = 0; i < clients; ++i) {
      clients_.push_back(std::make_unique<Client>(
          world_, i, workflow(i, static_cast<int>(world_.between(1, kSlotsPerRankMax)), spans_),
          [this](const Client& from, wire::Frame f) { up(from, std::move(f)); }));
    }
  }

  Summary run() {
    world_.weather = some_weather(world_);
    spare();
    coordinator_.start();
    for (const auto& node : nodes_) {
      if (!node->pooled()) node->start();
    }
    for (const auto& client : clients_) {
      world_.after(world_.between(0, 200'000), [&client] { client->start(); });
    }
    misfortune();
    while (world_.step(start_ + kWeatherMs)) {
    }
    world_.misfortunes["gang in bad weather"] = static_cast<int>(world_.launched.size());
    heal();
    const UnixMs end = start_ + kWeatherMs + kCalmMs;
    while (!all_done() && world_.step(end)) {
    }
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
  std::vector<Node*> pooled() const {
    std::vector<Node*> found;
    for (const auto& node : nodes_) {
      if (node->pooled()) found.push_back(node.get());
    }
    return found;
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
    for (const auto& node : nodes_) {
      if (node->peer() != peer) continue;
      network_.carry(down_link(node->id()), peer + " down", [peer, f = frame, to = node.get()] {
        if (to->peer() == peer) to->receive(f);
      });
    }
    for (const auto& client : clients_) {
      if (client_peer(*client) != peer) continue;
      network_.carry(peer, peer, [f = frame, to = client.get()] { to->receive(f); });
    }
  }
  std::string client_peer(const Client& client) const {
    return format("{}/{}", client.name(), coordinator_.incarnation());
  }
  void reconnect() {
    for (const auto& node : nodes_) {
      node->reconnect();
      for (wire::Frame& frame : node->take_unsent()) {
        if (node->up()) up(*node, std::move(frame));
      }
    }
  }

  // -------------------------------------------------------------- misfortunes

  void misfortune() {
    if (healed_) return;
    strike();
    world_.after(world_.between(200, 10'000), [this] { misfortune(); });
  }

  /// Every seed is spared some kinds, so that what they would cut short happens as well: an agent
  /// is given up only by a coordinator that lives long enough to miss it.
  void spare() {
    for (std::uint64_t kind = 0; kind < kKindsOfStrike; ++kind) {
      if (world_.random.chance(0.3)) spared_.insert(kind);
    }
  }

  void strike() {
    const std::uint64_t kind = world_.random.below(kKindsOfStrike);
    if (spared_.contains(kind)) return;
    switch (kind) {
      case 0:
        return crash_coordinator();
      case 1:
        return crash_agent();
      case 2:
      case 3:
        return cut_link();
      case 4:
        return fail_store();
      case 5:
        return fill_disk();
      case 6:
        return cut_power();
      case 7:
        return set_clock();
      case 8:
        return stop_everything();
      case 9:
        return retire_node();
      case 10:
        return wipe_node();
      case 11:
        return end_pool();
      case 12:
        return mute_training();
      case 13:
        return split_nodes();
      default:
        cancel_something();
    }
  }

  void crash_coordinator() {
    if (!coordinator_.up()) return;
    ++world_.misfortunes["coordinator crash"];
    coordinator_.crash();
  }

  void fail_store() {
    ++world_.misfortunes["store full"];
    coordinator_.fail_store(static_cast<int>(world_.between(1, 100)),
                            static_cast<int>(world_.between(0, 5)));
  }

  Node& any_node() { return *nodes_[world_.random.below(nodes_.size())]; }
  Client& any_client() { return *clients_[world_.random.below(clients_.size())]; }

  void crash_agent() {
    Node& node = any_node();
    if (!node.up()) return;
    ++world_.misfortunes["agent crash"];
    node.crash();
  }

  void cut_power() {
    Node& node = any_node();
    ++world_.misfortunes["power cut"];
    node.power_cut();
  }

  void wipe_node() {
    Node& node = any_node();
    if (!node.up()) return;
    ++world_.misfortunes["folder emptied"];
    node.wipe();
  }

  /// Whoever grants the pool its machines takes all of them at once.
  void end_pool() {
    for (Node* node : pooled()) {
      if (!node->up()) continue;
      ++world_.misfortunes["agent ended by its pool"];
      node->crash();
    }
  }

  void retire_node() {
    Node& node = any_node();
    const auto number = std::ranges::find(nodes_, &node, [](auto& one) { return one.get(); });
    if (stays(static_cast<int>(number - nodes_.begin())) || node.retired()) return;
    if (!world_.random.chance(0.5)) return;
    ++world_.misfortunes["machine gone"];
    node.retire();
  }

  void cut_link() {
    Node& node = any_node();
    const bool both = world_.random.chance(0.7);
    const bool upward = world_.random.chance(0.5);
    ++world_.misfortunes[both ? "link cut" : "link cut one way"];
    cut_link(node, {.up = both || upward, .down = both || !upward}, world_.between(500, 40'000));
  }
  /// Long enough that the coordinator gives a training up while it runs on and wants to publish.
  void mute_training() {
    std::vector<AgentId> training;
    for (const auto& [key, gang] : world_.gangs) {
      if (gang.verb == "train")
        training.insert(training.end(), gang.agents.begin(), gang.agents.end());
    }
    if (training.empty()) return;
    const AgentId chosen = training[world_.random.below(training.size())];
    for (const auto& node : nodes_) {
      if (node->id() != chosen) continue;
      ++world_.misfortunes["training unreachable"];
      cut_link(*node, {.up = true, .down = true}, world_.between(20'000, 90'000));
    }
  }
  /// Two machines that both reach the coordinator do not reach each other.
  void split_nodes() {
    const AgentId a = any_node().id();
    const AgentId b = any_node().id();
    if (a == b) return;
    ++world_.misfortunes["machines apart"];
    world_.set_linked(a, b, false);
    world_.after(world_.between(500, 60'000), [this, a, b] { world_.set_linked(a, b, true); });
  }
  struct Ways {
    bool up;
    bool down;
  };
  void cut_link(Node& node, Ways ways, std::int64_t duration_ms) {
    if (ways.up) network_.set_cut(up_link(node.id()), true);
    if (ways.down) network_.set_cut(down_link(node.id()), true);
    world_.after(duration_ms, [this, &node] {
      mend_link(node);
      if (world_.random.chance(0.5)) node.reconnect();
    });
  }
  void mend_link(const Node& node) {
    network_.set_cut(up_link(node.id()), false);
    network_.set_cut(down_link(node.id()), false);
  }

  void fill_disk() {
    Node& node = any_node();
    ++world_.misfortunes["disk full"];
    node.fill_disk(true);
    world_.after(world_.between(500, 40'000), [&node] { node.fill_disk(false); });
  }

  void set_clock() {
    ++world_.misfortunes["clock set"];
    world_.wall_offset_ms = world_.between(-600'000, 600'000);
  }

  void stop_everything() {
    if (!world_.random.chance(0.3)) return;
    ++world_.misfortunes["stop requested"];
    any_client().request(wire::StopRequest{world_.random.chance(0.5)});
  }

  void cancel_something() {
    if (!coordinator_.up() || coordinator_.state().jobs.empty() || !world_.random.chance(0.3))
      return;
    ++world_.misfortunes["cancelled"];
    const JobId victim{world_.random.below(coordinator_.state().jobs.size()) + 1};
    any_client().request(wire::CancelRequest{victim});
  }

  // -------------------------------------------------------------- the end

  void heal() {
    healed_ = true;
    world_.weather = {};
    world_.apart.clear();
    world_.allocations_end = false;
    coordinator_.heal();
    for (const auto& node : nodes_) {
      mend_link(*node);
      node->fill_disk(false);
      if (!node->pooled()) node->start();
    }
    coordinator_.start();
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

  void check() {
    coordinator_.start();
    check_end(world_, coordinator_.state());
    for (const auto& client : clients_) check_client(world_, coordinator_.state(), *client);
    coordinator_.crash();
    coordinator_.start();  // compares the replay
  }

  Summary summarise() {
    Summary summary{.violations = world_.violations,
                    .stored = coordinator_.stored(),
                    .gangs = static_cast<int>(world_.launched.size()),
                    .misfortunes = world_.misfortunes,
                    .jobs_by_state = {}};
    for (const auto& [id, entry] : coordinator_.state().jobs) {
      ++summary.jobs_by_state[std::string(core::job_state_name(entry.state))];
    }
    return summary;
  }

  World world_;
  const UnixMs start_ = world_.now;
  Network network_;
  Coordinator coordinator_;
  std::vector<std::unique_ptr<Node>> nodes_;
  std::vector<std::unique_ptr<Client>> clients_;
  std::set<std::uint64_t> spared_;
  bool spans_ = false;
  bool healed_ = false;
};

}  // namespace

Summary run_cluster(std::uint64_t seed) {
  return Cluster(seed).run();
}

}  // namespace tagalign::simulation
