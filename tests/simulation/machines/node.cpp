#include "tests/simulation/machines/node.h"

#include "base/format.h"

namespace tagalign::simulation {
namespace {

constexpr std::size_t kUnsentFramesMax = 50;
constexpr const char* kWorker = "/bin/tagalign-worker";

std::vector<std::string> gpus_of(const NodeKind& kind) {
  std::vector<std::string> names;
  for (int i = 0; kind.gpus && i < kind.slots; ++i) names.push_back(format("{}", i));
  return names;
}

}  // namespace

Node::Node(World& world, NodeKind kind, Uplink uplink)
    : world_(world),
      kind_(std::move(kind)),
      uplink_(std::move(uplink)),
      machine_(world, {kind_.id, kind_.slots, gpus_of(kind_), disk_},
               [this](const std::string& peer, wire::Frame frame) {
                 hear_rank(peer, std::move(frame));
               }) {
  TA_CHECK(disk_.write_durable(kWorker, "").ok());
}

std::string Node::peer() const {
  return format("{}/{}", id().value, connection_);
}

agent::AgentParts Node::parts() {
  agent::GangEnvironment environment;
  environment.worker = kWorker;
  environment.agent_mark = id().value;
  environment.scratch = "/scratch";
  const std::vector<std::string> gpus = gpus_of(kind_);
  wire::AgentHello identity;
  identity.agent = id();
  identity.incarnation = format("{}.{}", id().value, incarnation_);
  identity.host = id().value;
  identity.slots = kind_.slots;
  identity.gpus = static_cast<int>(gpus.size());
  identity.place = kind_.place;
  if (!allocated_by_slurm()) identity.place.ends_ms = ends_ms_;
  return {.identity = identity,
          .gpus = gpus,
          .folder = "/agent",
          .environment = environment,
          .coordinator = *coordinator_,
          .ranks = *ranks_,
          .processes = machine_,
          .files = disk_,
          .clock = world_};
}

void Node::start() {
  if (up() || ended()) return;
  ++incarnation_;
  unsent_.clear();
  reconnect();
  ends_ms_ = 0;
  if (kind_.allocated && world_.allocations_end) end_later();
  coordinator_ = std::make_unique<wire::FakeClientSocket>();
  ranks_ = std::make_unique<wire::FakeServerSocket>();
  auto agent = agent::Agent::create(parts());
  if (agent.ok()) {
    agent_ = std::move(*agent);
    return tick(incarnation_);
  }
  if (!disk_.full) {
    world_.violation(format("{} cannot start: {}", id().value, agent.status().to_string()));
  }
  ++world_.misfortunes["agent cannot start"];
  start_later();
}

void Node::start_later() {
  if (pooled() || allocated_by_slurm()) return;  // the pool misses it
  world_.after(world_.downtime_ms(), [this] { start(); });
}

/// The scheduler says when, and then takes everything away at once. Where there is a Slurm it may do
/// so before the time.
void Node::end_later() {
  std::int64_t left_ms = world_.between(65'000, 300'000);
  ends_ms_ = world_.now + left_ms;
  if (world_.weather.early_end > 0 && world_.random.chance(world_.weather.early_end))
    left_ms = world_.between(1'000, left_ms);
  world_.after(left_ms, [this, incarnation = incarnation_] {
    if (!up() || incarnation != incarnation_ || !world_.allocations_end) return;
    ++world_.misfortunes["allocation ended"];
    machine_.power_cut();
    crash();
  });
}

void Node::crash() {
  agent_.reset();
  machine_.agent_died();
  start_later();
}

void Node::power_cut() {
  agent_.reset();
  machine_.power_cut();
  disk_.power_cut(world_.random);
  start_later();
}

void Node::retire() {
  retired_ = true;
  power_cut();
}

void Node::wipe() {
  if (up()) crash();
  disk_.wipe();
  TA_CHECK(disk_.write_durable(kWorker, "").ok());
}

void Node::tick(int incarnation) {
  if (!up() || incarnation != incarnation_) return;
  agent_->step();
  for (wire::Frame& frame : coordinator_->take_sent()) uplink_(*this, std::move(frame));
  deliver_to_ranks();
  if (agent_->finished()) {
    ++world_.misfortunes["agent shut down"];
    return crash();
  }
  const bool stalls = world_.strikes(world_.weather.stall, "agent stalled");
  world_.after(stalls ? world_.between(1'000, 25'000) : world_.round_ms(),
               [this, incarnation] { tick(incarnation); });
}

void Node::ask_to_leave(const std::string& reason) {
  if (up()) agent_->request_shutdown(reason);
}

void Node::keep_unsent(wire::Frame frame) {
  if (unsent_.size() < kUnsentFramesMax) unsent_.push_back(std::move(frame));
}

void Node::receive(const wire::Frame& frame) {
  if (up()) coordinator_->put(frame);
}

void Node::deliver_to_ranks() {
  for (auto& [peer, frames] : ranks_->take_all_sent()) {
    for (wire::Frame& frame : frames) {
      world_.after(world_.between(1, 20), [this, peer, frame = std::move(frame)] {
        Rank* rank = machine_.find_rank(peer);
        if (rank == nullptr) return;
        const std::shared_ptr<Rank> kept = rank->shared_from_this();
        kept->receive(wire::decode_to_rank(frame.body).value());
      });
    }
  }
}

/// The socket of a machine loses nothing, but its agent may be slow or gone.
void Node::hear_rank(const std::string& peer, wire::Frame frame) {
  const bool slow = world_.strikes(world_.weather.slow / 10, "slow rank");
  UnixMs& last_ms = rank_last_ms_[peer];
  last_ms = std::max(last_ms, world_.now + world_.between(0, slow ? 3'000 : 10));
  world_.after(last_ms - world_.now,
               [this, peer, frame = std::move(frame), incarnation = incarnation_] {
                 if (up() && incarnation == incarnation_) {
                   ranks_->put(peer, wire::PeerRole::kRank, frame);
                 }
               });
}

}  // namespace tagalign::simulation
