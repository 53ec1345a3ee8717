#include "tests/simulation/strikes.h"

#include <algorithm>

namespace tagalign::simulation {
namespace {

constexpr std::uint64_t kKindsOfStrike = 15;

}  // namespace

std::vector<Node*> Strikes::pooled() const {
  std::vector<Node*> found;
  for (const auto& node : targets_.nodes) {
    if (node->pooled()) found.push_back(node.get());
  }
  return found;
}

void Strikes::begin() {
  strike_again();
  if (targets_.slurm) strike_slurm_again();
}

void Strikes::strike_again() {
  if (healed_) return;
  strike();
  world_.after(world_.pace.strikes * world_.between(200, 10'000), [this] { strike_again(); });
}

/// Every seed is spared some kinds, so that what they would cut short happens as well: an agent
/// is given up only by a coordinator that lives long enough to miss it.
void Strikes::spare() {
  for (std::uint64_t kind = 0; kind < kKindsOfStrike; ++kind) {
    if (world_.random.chance(0.3)) spared_.insert(kind);
  }
}

void Strikes::strike() {
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
      return fill_disk(any_node());
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

void Strikes::heal() {
  healed_ = true;
  world_.apart.clear();
  targets_.network.mend();
  for (const auto& node : targets_.nodes) node->fill_disk(false);
  if (!targets_.slurm) return;
  targets_.slurm->heal();
  for (Node* node : targets_.slurm->nodes()) node->fill_disk(false);
}

// ---------------------------------------------------------------- the coordinator

void Strikes::crash_coordinator() {
  if (!targets_.coordinator.up()) return;
  ++world_.misfortunes["coordinator crash"];
  targets_.coordinator.crash();
}

void Strikes::fail_store() {
  ++world_.misfortunes["store full"];
  targets_.coordinator.fail_store(static_cast<int>(world_.between(1, 100)),
                                  static_cast<int>(world_.between(0, 5)));
}

void Strikes::set_clock() {
  ++world_.misfortunes["clock set"];
  world_.wall_offset_ms = world_.between(-600'000, 600'000);
}

void Strikes::stop_everything() {
  if (!world_.random.chance(0.3)) return;
  ++world_.misfortunes["stop requested"];
  any_client().request(wire::StopRequest{world_.random.chance(0.5)});
}

void Strikes::cancel_something() {
  Coordinator& coordinator = targets_.coordinator;
  if (!coordinator.up() || coordinator.state().jobs.empty()) return;
  const bool changed = world_.people && world_.random.chance(0.5);
  if (!changed && !world_.random.chance(0.3)) return;
  const JobId victim{world_.random.below(coordinator.state().jobs.size()) + 1};
  if (changed) return change(victim);
  ++world_.misfortunes["cancelled"];
  any_client().request(wire::CancelRequest{victim});
}

/// All that people may ask of a job. Whoever is cancelled for a job comes back with it.
void Strikes::change(JobId job) {
  wire::JobsChangeRequest request{{std::to_string(job.value)}, wire::JobVerb::kHold, {}, {}, {}};
  const auto verb = world_.random.below(5);
  static constexpr const char* kNames[] = {"held", "released", "requeued", "put in order",
                                           "limited"};
  ++world_.misfortunes[kNames[verb]];
  if (verb < 2) request.verb = verb == 0 ? wire::JobVerb::kHold : wire::JobVerb::kRelease;
  if (verb == 2) {
    request.verb = wire::JobVerb::kRequeue;
    for (const auto& [id, any] : targets_.coordinator.state().jobs) world_.requeued.insert(id);
  }
  if (verb > 2) request.verb = wire::JobVerb::kSet;
  if (verb == 3) request.priority = static_cast<int>(world_.between(-2, 3));
  if (verb == 4) request.time_limit_s = world_.between(0, 400);
  any_client().request(request);
}

// ---------------------------------------------------------------- nodes

void Strikes::crash_agent() {
  Node& node = any_node();
  if (!node.up()) return;
  ++world_.misfortunes["agent crash"];
  node.crash();
}

void Strikes::cut_power() {
  Node& node = any_node();
  ++world_.misfortunes["power cut"];
  node.power_cut();
}

void Strikes::wipe_node() {
  Node& node = any_node();
  if (!node.up()) return;
  ++world_.misfortunes["folder emptied"];
  node.wipe();
}

/// Whoever grants the pool its machines takes all of them at once.
void Strikes::end_pool() {
  for (Node* node : pooled()) {
    if (!node->up()) continue;
    ++world_.misfortunes["agent ended by its pool"];
    node->crash();
  }
}

void Strikes::retire_node() {
  Node& node = any_node();
  const auto number = std::ranges::find(targets_.nodes, &node, [](auto& one) { return one.get(); });
  if (targets_.lasting(static_cast<int>(number - targets_.nodes.begin())) || node.retired()) return;
  if (!world_.random.chance(0.5 / static_cast<double>(world_.pace.strikes))) return;
  ++world_.misfortunes["machine gone"];
  node.retire();
}

void Strikes::fill_disk(Node& node) {
  ++world_.misfortunes["disk full"];
  node.fill_disk(true);
  world_.after(world_.between(500, 40'000), [&node] { node.fill_disk(false); });
}

// ---------------------------------------------------------------- links

void Strikes::cut_link() {
  Node& node = any_node();
  const bool both = world_.random.chance(0.7);
  const bool upward = world_.random.chance(0.5);
  ++world_.misfortunes[both ? "link cut" : "link cut one way"];
  cut_link(node, {.up = both || upward, .down = both || !upward}, world_.between(500, 40'000));
}

/// Long enough that the coordinator gives a training up while it runs on and wants to publish.
void Strikes::mute_training() {
  std::vector<AgentId> training;
  for (const auto& [key, gang] : world_.gangs) {
    if (gang.verb == "train")
      training.insert(training.end(), gang.agents.begin(), gang.agents.end());
  }
  if (training.empty()) return;
  const AgentId chosen = training[world_.random.below(training.size())];
  for (const auto& node : targets_.nodes) {
    if (node->id() != chosen) continue;
    ++world_.misfortunes["training unreachable"];
    cut_link(*node, {.up = true, .down = true}, world_.between(20'000, 90'000));
  }
}

/// Two machines that both reach the coordinator do not reach each other.
void Strikes::split_nodes() {
  const Node& a = any_node();
  const Node& b = any_node();
  if (&a == &b) return;
  ++world_.misfortunes["machines apart"];
  split(a, b);
}

void Strikes::split(const Node& a, const Node& b) {
  world_.set_linked(a.id(), b.id(), false);
  world_.after(world_.between(500, 60'000),
               [this, a = a.id(), b = b.id()] { world_.set_linked(a, b, true); });
}

void Strikes::cut_link(Node& node, Ways ways, std::int64_t duration_ms) {
  if (ways.up) targets_.network.set_cut(up_link(node.id()), true);
  if (ways.down) targets_.network.set_cut(down_link(node.id()), true);
  world_.after(duration_ms, [this, &node] {
    mend_link(node);
    if (world_.random.chance(0.5)) node.reconnect();
  });
}

void Strikes::mend_link(const Node& node) {
  targets_.network.set_cut(up_link(node.id()), false);
  targets_.network.set_cut(down_link(node.id()), false);
}

// ---------------------------------------------------------------- Slurm

void Strikes::strike_slurm_again() {
  if (healed_) return;
  strike_slurm();
  world_.after(world_.pace.strikes * world_.between(500, 10'000), [this] { strike_slurm_again(); });
}

void Strikes::strike_slurm() {
  const std::vector<Node*> nodes = targets_.slurm->nodes();
  switch (world_.random.below(6)) {
    case 0:
      return targets_.slurm->strike();
    case 1:
      return cut_off_slurm();
    case 2:
      return cut_off_client();
    default:
      if (!nodes.empty()) strike_allocated(*nodes[world_.random.below(nodes.size())]);
  }
}

void Strikes::strike_allocated(Node& node) {
  const std::vector<Node*> others = targets_.slurm->nodes();
  const Node& other = *others[world_.random.below(others.size())];
  switch (world_.random.below(6)) {
    case 0:
      ++world_.misfortunes["agent of an allocation crashed"];
      return node.crash();
    case 1:
      return fill_disk(node);
    case 2:
    case 3:
      ++world_.misfortunes["allocation out of reach"];
      return cut_link(node, {.up = true, .down = true}, world_.between(500, 60'000));
    default:
      if (&other == &node) return;
      ++world_.misfortunes["machines of allocations apart"];
      split(node, other);
  }
}

/// The coordinator does not reach the controller.
void Strikes::cut_off_slurm() {
  ++world_.misfortunes["Slurm out of reach"];
  targets_.slurm->reachable = false;
  world_.after(world_.between(2'000, 60'000), [this] { targets_.slurm->reachable = true; });
}

void Strikes::cut_off_client() {
  const std::string link = any_client().name();
  ++world_.misfortunes["client out of reach"];
  targets_.network.set_cut(link, true);
  world_.after(world_.between(500, 60'000),
               [this, link] { targets_.network.set_cut(link, false); });
}

}  // namespace tagalign::simulation
